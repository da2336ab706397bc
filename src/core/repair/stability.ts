/**
 * How far the cluster has settled: from what members promise (*floors*) and what they have taken over
 * (*settled*), the horizon of this node follows. All of it only grows, so it can be told in any order, late,
 * or twice.
 *
 * A floor F of a member: it will never again send, or keep for others, anything with a dot up to F that an
 * owner does not hold. `settled` S of an owner: it holds everything with a dot up to S that any owner holds.
 * A member that is down neither raises its floor nor settles: it holds the horizon back until it returns.
 */
import type { Timestamp } from '../causality/dot.ts'

export class Stability {
  readonly #self: string
  #members: readonly string[]
  readonly #floors = new Map<string, Timestamp>()
  readonly #settled = new Map<string, Timestamp>()
  /** What this node, in this life, has taken over from each other one. */
  readonly #takenOver = new Map<string, Timestamp>()

  constructor(self: string, members: readonly string[]) {
    this.#self = self
    this.#members = members
  }

  setMembers(members: readonly string[]): void {
    this.#members = members
  }

  /** What a member, or somebody on its behalf, says. */
  learn(member: string, floor: Timestamp, settled: Timestamp): void {
    raise(this.#floors, member, floor)
    raise(this.#settled, member, settled)
  }

  /** Up to here nothing new comes from any member: what is taken over from now on is complete so far. */
  quietUntil(): Timestamp {
    return this.#least(this.#floors)
  }

  /** Everything up to `until` that `peer` holds is held, durably, here. */
  tookOver(peer: string, until: Timestamp): void {
    raise(this.#takenOver, peer, until)
  }

  /** The highest horizon that may be taken: everybody has settled so far. */
  horizon(): Timestamp {
    return Math.min(this.#ownSettled(), this.#least(this.#settled, this.#self))
  }

  /**
   * Members because of which the horizon is not above `timestamp`. A member whose promise stands still comes before all
   * others: nobody can settle beyond it.
   */
  holdingBack(timestamp: Timestamp): string[] {
    const isBehind = (values: ReadonlyMap<string, Timestamp>, member: string): boolean =>
      (values.get(member) ?? 0) <= timestamp
    const quiet = this.#members.filter((member) => isBehind(this.#floors, member))
    if (quiet.length > 0) return quiet
    return this.#members.filter(
      (member) =>
        member !== this.#self &&
        (isBehind(this.#settled, member) || isBehind(this.#takenOver, member)),
    )
  }

  /** For telling others: each member's floor and settled, as far as known. */
  *entries(): Generator<[member: string, floor: Timestamp, settled: Timestamp]> {
    for (const member of this.#members) {
      const settled = member === this.#self ? this.#ownSettled() : this.#settled.get(member)
      yield [member, this.#floors.get(member) ?? 0, settled ?? 0]
    }
  }

  /**
   * Of itself a node knows best: what it had settled in an earlier life may be lost. And with a new member
   * there is more to take over than before.
   */
  #ownSettled(): Timestamp {
    return this.#least(this.#takenOver, this.#self)
  }

  #least(values: ReadonlyMap<string, Timestamp>, except?: string): Timestamp {
    let least = Infinity
    for (const member of this.#members) {
      if (member !== except) least = Math.min(least, values.get(member) ?? 0)
    }
    // A cluster of one has nobody to wait for.
    return least === Infinity ? (this.#floors.get(this.#self) ?? 0) : least
  }
}

function raise(values: Map<string, Timestamp>, name: string, value: Timestamp): void {
  if (value > (values.get(name) ?? 0)) values.set(name, value)
}
