/**
 * The protocol version that each member was last known to speak, even while it is out of reach. This node must not make
 * anything that only the newer version understands while a member of the older one may come back.
 *
 * An unknown member may speak the older version, too. One exception: if a majority of the members has told this node
 * what it knows, and none of them has ever heard that member, it has not run yet. It then counts as new, so that one
 * missing node does not hold up a new cluster.
 *
 * Invariant: of two reports about a member, the one with that member's later stamp wins, in whatever order they arrive.
 */
import { majority } from '../quorum/level.ts'
import { VERSIONS } from '../protocol-versions.ts'
import { Signal } from '../signal.ts'
import type { Timestamp } from '../causality/dot.ts'

/** `stamp`: the reading of the member's clock that came with its version; 0 if unknown. */
export interface HeardVersion {
  readonly member: string
  readonly version: number
  readonly stamp: Timestamp
}

export class MemberVersions {
  readonly #self: string
  readonly #heard = new Map<string, HeardVersion>()
  /** Members that have told, in this life, what they know about all members. */
  readonly #told = new Set<string>()
  /** A member became known, or turned out to speak another version. */
  readonly changed = new Signal()

  /**
   * `stored`: the `entries` of an earlier life. `heardBefore`: the members that this node had heard then. If one of
   * them is missing in `stored`, software of an older version, which stores no versions, used this directory.
   */
  constructor(self: string, stored: readonly HeardVersion[], heardBefore: readonly string[]) {
    this.#self = self
    for (const member of heardBefore) {
      this.#heard.set(member, { member, version: VERSIONS.oldest, stamp: 0 })
    }
    for (const heard of stored) this.#heard.set(heard.member, heard)
  }

  /** A member was heard on a link of that version, or another member reported it. */
  note(heard: HeardVersion): void {
    const { member, version, stamp } = heard
    const known = this.#heard.get(member)
    if (member === this.#self || (known !== undefined && known.stamp >= stamp)) return
    this.#heard.set(member, heard)
    if (known?.version !== version) this.changed.emit()
  }

  /** Learns what one member knows about all. */
  learn(from: string, entries: readonly HeardVersion[]): void {
    this.#told.add(from)
    for (const heard of entries) this.note(heard)
  }

  /** For other members, and for the next life. */
  entries(): readonly HeardVersion[] {
    return [...this.#heard.values()]
  }

  /** Selects the nodes that may speak a version older than the newest. `members`: all members of the cluster. */
  mayBeOld(asked: Iterable<string>, members: readonly string[]): string[] {
    const told = members.filter((id) => id === this.#self || this.#told.has(id)).length
    const unheard = told >= majority(members.length) ? VERSIONS.newest : VERSIONS.oldest
    return [...asked].filter((id) => {
      if (id === this.#self) return false
      return (this.#heard.get(id)?.version ?? unheard) < VERSIONS.newest
    })
  }
}
