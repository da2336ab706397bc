/**
 * The version of the protocol that each member was last known to speak, also while it is out of reach: what only the
 * newer version understands must not be made while a member of the older one may come back.
 *
 * A member of which nothing is known may be of the older version, too. But where a majority of the members has told this
 * node what it knows, and none of them has ever heard that member, it has not run yet: it counts as new, so that a
 * cluster of which one node is still missing is not held up.
 *
 * Invariant: of two words about a member the one with its later stamp holds, in whatever order they come.
 */
import { majority } from '../quorum/level.ts'
import { VERSIONS } from '../protocol-versions.ts'
import type { Timestamp } from '../causality/dot.ts'

/** `stamp`: the reading of the member's clock that came with its version; 0 where that is not known. */
export interface HeardVersion {
  readonly member: string
  readonly version: number
  readonly stamp: Timestamp
}

export class MemberVersions {
  readonly #self: string
  readonly #heard = new Map<string, HeardVersion>()
  /** Members that have told, in this life, what they know of all. */
  readonly #told = new Set<string>()
  /** Called where something is known that was not known before: a member, or that it speaks another version. */
  onChange: () => void = () => undefined

  /**
   * `stored` is what `entries` gave in an earlier life. `heardBefore`: members that this node had heard then; a version
   * that stores no versions had this directory where one of them is missing in `stored`.
   */
  constructor(self: string, stored: readonly HeardVersion[], heardBefore: readonly string[]) {
    this.#self = self
    for (const member of heardBefore) {
      this.#heard.set(member, { member, version: VERSIONS.oldest, stamp: 0 })
    }
    for (const heard of stored) this.#heard.set(heard.member, heard)
  }

  /** The member has been heard, on a link of that version, or somebody has told so. */
  note(heard: HeardVersion): void {
    const { member, version, stamp } = heard
    const known = this.#heard.get(member)
    if (member === this.#self || (known !== undefined && known.stamp >= stamp)) return
    this.#heard.set(member, heard)
    if (known?.version !== version) this.onChange()
  }

  /** What a member knows of all. */
  learn(from: string, entries: readonly HeardVersion[]): void {
    this.#told.add(from)
    for (const heard of entries) this.note(heard)
  }

  /** For telling others, and for the next life. */
  entries(): readonly HeardVersion[] {
    return [...this.#heard.values()]
  }

  /** Those of `asked` that may speak an older version than the newest. `members`: all of the cluster. */
  mayBeOld(asked: Iterable<string>, members: readonly string[]): string[] {
    const told = members.filter((id) => id === this.#self || this.#told.has(id)).length
    const unheard = told >= majority(members.length) ? VERSIONS.newest : VERSIONS.oldest
    return [...asked].filter((id) => {
      if (id === this.#self) return false
      return (this.#heard.get(id)?.version ?? unheard) < VERSIONS.newest
    })
  }
}
