/** A member of a {@link Heap}, which keeps the member's place here; it is -1 while it is in none. */
export interface Placed {
  place: number
}

/** A binary heap that finds its first member at once, and moves or removes any member in O(log n). */
export class Heap<T extends Placed> {
  readonly #members: T[] = []

  /** @param precedes - whether a member comes before another one */
  constructor(private readonly precedes: (one: T, other: T) => boolean) {}

  get first(): T | undefined {
    return this.#members[0]
  }

  add(member: T): void {
    this.#put(member, this.#members.length)
    this.#up(member)
  }

  remove(member: T): void {
    const last = this.#members.pop()!
    const { place } = member
    member.place = -1
    if (last === member) return
    this.#put(last, place)
    this.changed(last)
  }

  /** Adds a member, finds its place again, or removes it: whatever has to be done. */
  keep(member: T, isMember: boolean): void {
    if (member.place < 0) {
      if (isMember) this.add(member)
    } else if (isMember) this.changed(member)
    else this.remove(member)
  }

  /** Finds the place again of a member that precedes others than before. */
  changed(member: T): void {
    this.#up(member)
    this.#down(member)
  }

  #up(member: T): void {
    while (member.place > 0) {
      const parent = this.#members[(member.place - 1) >> 1]!
      if (!this.precedes(member, parent)) return
      this.#swap(member, parent)
    }
  }

  #down(member: T): void {
    for (;;) {
      const left = this.#members[2 * member.place + 1]
      if (!left) return
      const right = this.#members[2 * member.place + 2]
      const child = right && this.precedes(right, left) ? right : left
      if (!this.precedes(child, member)) return
      this.#swap(member, child)
    }
  }

  #swap(one: T, other: T): void {
    const { place } = one
    this.#put(one, other.place)
    this.#put(other, place)
  }

  #put(member: T, place: number): void {
    this.#members[place] = member
    member.place = place
  }
}
