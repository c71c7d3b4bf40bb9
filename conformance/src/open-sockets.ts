/** What is to be destroyed at the end, or at once where it comes later than that. */
export class OpenSockets {
  readonly #open: { destroy(): void }[] = []
  #ended = false

  push(each: { destroy(): void }): void {
    if (this.#ended) each.destroy()
    else this.#open.push(each)
  }

  end(): void {
    this.#ended = true
    for (const each of this.#open) each.destroy()
  }
}
