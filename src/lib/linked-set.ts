/** What can be in one `LinkedSet` at a time. */
export class LinkedMember {
  previous: this | undefined;
  next: this | undefined;
  isMember = false;
}

/**
 * A set in the order of joining, for what comes and goes with every request.
 *
 * A `Set` or a `Map` would do, but for V8: when one of them moves to a new table, the old table keeps a reference to it,
 * so once one table has grown old, all later ones stay reachable, and with them what they held, until the next full
 * collection. Measured, that kept 4 KB a request alive and doubled the time for collecting garbage.
 */
export class LinkedSet<T extends LinkedMember> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  /** Put one that is not here at the end. */
  add(member: T): void {
    member.isMember = true;
    member.previous = this.#last;
    if (this.#last) this.#last.next = member;
    else this.#first = member;
    this.#last = member;
    this.#size++;
  }

  /** @returns whether it was here. */
  delete(member: T): boolean {
    if (!member.isMember) return false;
    const { previous, next } = member;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    // A member that has gone must not keep others alive.
    member.previous = member.next = undefined;
    member.isMember = false;
    this.#size--;
    return true;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let member = this.#first; member; member = member.next) yield member;
  }

  /** Take all out. @returns them, in their order. */
  clear(): T[] {
    const members: T[] = [];
    for (let member = this.#first; member; member = this.#first) {
      this.delete(member);
      members.push(member);
    }
    return members;
  }
}
