/**
 * How far the cluster has settled. The horizon of this node follows from the *floors* of the members and from what they
 * have taken over (*settled*). All these values only grow, so they may arrive in any order, late, or twice.
 *
 * A floor F of a member: it will never again send, or keep for others, anything with a dot up to F that an owner does
 * not hold. `settled` S of an owner: it holds everything with a dot up to S that any owner holds. A member that is down
 * raises neither, so it holds the horizon back until it returns.
 */
import type { Timestamp } from '../causality/dot.ts'

export class Stability {
  readonly #self: string
  #members: readonly string[]
  readonly #floors = new Map<string, Timestamp>()
  readonly #settled = new Map<string, Timestamp>()
  /** Up to when this node has taken over everything from each other member, in this life. */
  readonly #takenOver = new Map<string, Timestamp>()

  constructor(self: string, members: readonly string[]) {
    this.#self = self
    this.#members = members
  }

  setMembers(members: readonly string[]): void {
    this.#members = members
  }

  /** Learns a member's values, from itself or from another member. */
  learn(member: string, floor: Timestamp, settled: Timestamp): void {
    raise(this.#floors, member, floor)
    raise(this.#settled, member, settled)
  }

  /** No member sends anything new with a dot up to this time, so a comparison that starts now is complete up to it. */
  quietUntil(): Timestamp {
    return this.#least(this.#floors)
  }

  /** Everything up to `until` that `peer` holds is durable here. */
  tookOver(peer: string, until: Timestamp): void {
    raise(this.#takenOver, peer, until)
  }

  /** The highest possible horizon: every member has settled that far. */
  horizon(): Timestamp {
    return Math.min(this.#ownSettled(), this.#least(this.#settled, this.#self))
  }

  /**
   * The members that keep the horizon at or below `timestamp`. If some floors stand still, only those members are
   * named, because nobody can settle beyond a floor.
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

  /** For other members: each member's floor and settled value, as far as known. */
  *entries(): Generator<[member: string, floor: Timestamp, settled: Timestamp]> {
    for (const member of this.#members) {
      const settled = member === this.#self ? this.#ownSettled() : this.#settled.get(member)
      yield [member, this.#floors.get(member) ?? 0, settled ?? 0]
    }
  }

  /**
   * This node uses only its own count for itself: what it settled in an earlier life may be lost, and a new member adds
   * copies to take over.
   */
  #ownSettled(): Timestamp {
    return this.#least(this.#takenOver, this.#self)
  }

  #least(values: ReadonlyMap<string, Timestamp>, except?: string): Timestamp {
    let least = Infinity
    for (const member of this.#members) {
      if (member !== except) least = Math.min(least, values.get(member) ?? 0)
    }
    // A cluster of one member does not wait for any other.
    return least === Infinity ? (this.#floors.get(this.#self) ?? 0) : least
  }
}

function raise(values: Map<string, Timestamp>, name: string, value: Timestamp): void {
  if (value > (values.get(name) ?? 0)) values.set(name, value)
}
