/** The ids of peers as JSON, encoded once for everybody who asks for them. */
export class EncodedIds {
  readonly #ids: readonly string[]
  readonly #encoded: Buffer
  /** Where each id is, with the comma behind it. */
  #places: Map<string, { start: number; end: number }> | undefined

  constructor(ids: readonly string[]) {
    this.#ids = ids
    this.#encoded = Buffer.from(ids.map((id) => `${JSON.stringify(id)},`).join(''))
  }

  /**
   * A message with the list in it.
   *
   * @param head, tail - JSON that stands before the list and behind it, such as `{"list":` and `}`
   * @param but - an id that is left out
   */
  message(head: string, tail: string, but?: string): Buffer {
    const all = this.#encoded
    const place = but === undefined ? undefined : this.#place(but)
    const parts = place ? [all.subarray(0, place.start), all.subarray(place.end)] : [all]
    const last = parts.findLast(({ length }) => length > 0)
    // JSON has no comma behind the last one
    const ids = parts.map((part) => (part === last ? part.subarray(0, -1) : part))
    return Buffer.concat([Buffer.from(`${head}[`), ...ids, Buffer.from(`]${tail}`)])
  }

  #place(id: string): { start: number; end: number } | undefined {
    if (!this.#places) {
      this.#places = new Map()
      let start = 0
      for (const each of this.#ids) {
        const end = start + Buffer.byteLength(JSON.stringify(each)) + 1
        this.#places.set(each, { start, end })
        start = end
      }
    }
    return this.#places.get(id)
  }
}
