/**
 * Counts the replies to one round of a write for each group of owners (owner-groups.ts): met once every group is, and
 * not met any more once one of them cannot be.
 */
import type { OwnerGroups } from './owner-groups.ts'
import { type ReplyKind, Tally } from './tally.ts'

/** One question: who is asked, and for which owner. They are the same but for a node that stands in. */
export interface WriteAsk {
  readonly node: string
  readonly owner: string
}

export class JointTally {
  readonly #groups: readonly { readonly owners: readonly string[]; readonly tally: Tally }[]

  /** `need`: of each group. `sloppy`: whether those that stand in for owners of a group count for it. */
  constructor(options: {
    readonly groups: OwnerGroups
    readonly need: number
    readonly asked: readonly WriteAsk[]
    readonly sloppy: boolean
  }) {
    const { groups, need, asked, sloppy } = options
    this.#groups = groups.map((owners) => ({
      owners,
      tally: new Tally({
        need,
        asked: asked.filter(({ owner }) => owners.includes(owner)).map(({ node }) => node),
        sloppy,
      }),
    }))
  }

  /** Copies that count, in the group that has fewest. */
  get got(): number {
    return Math.min(...this.#groups.map(({ tally }) => tally.got))
  }

  get hinted(): number {
    return Math.max(...this.#groups.map(({ tally }) => tally.hinted))
  }

  /** Takes one reply for each ask; further ones are repeats, and ignored. */
  record({ node, owner }: WriteAsk, kind: ReplyKind): void {
    for (const { owners, tally } of this.#groups) {
      if (owners.includes(owner)) tally.record(node, kind)
    }
  }

  state(): 'pending' | 'met' | 'unmet' {
    let state: 'pending' | 'met' | 'unmet' = 'met'
    for (const { tally } of this.#groups) {
      const own = tally.state()
      if (own === 'unmet') return 'unmet'
      if (own === 'pending') state = 'pending'
    }
    return state
  }

  /** What to tell of a round that is not met: now, with the asks that are not answered taken as lost. */
  outcome(): 'rejected' | 'unknown' {
    const isRejected = this.#groups.every(({ tally }) => tally.outcome() === 'rejected')
    return isRejected ? 'rejected' : 'unknown'
  }
}
