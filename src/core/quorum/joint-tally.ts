/**
 * Counts the replies to one round of a write for each group of owners (owner-groups.ts). The round is met once every
 * group is met, and failed once one group cannot be met any more.
 */
import type { OwnerGroups } from './owner-groups.ts'
import { type ReplyKind, Tally } from './tally.ts'

/** One question: the node that is asked, and the owner it answers for. They differ only if a fallback stands in. */
export interface WriteAsk {
  readonly node: string
  readonly owner: string
}

export class JointTally {
  readonly #groups: readonly { readonly owners: readonly string[]; readonly tally: Tally }[]

  /** `need`: the count needed in each group. `sloppy`: whether fallbacks count for the owners of a group. */
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

  /** Copies that count, in the group with the fewest. */
  get got(): number {
    return Math.min(...this.#groups.map(({ tally }) => tally.got))
  }

  /** Hints that fallbacks keep, in the group with the most. */
  get hinted(): number {
    return Math.max(...this.#groups.map(({ tally }) => tally.hinted))
  }

  /** Takes one reply for each ask. Further ones are repeats and are ignored. */
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

  /** The outcome if the round ended now: unanswered asks count as lost. */
  outcome(): 'rejected' | 'unknown' {
    const isRejected = this.#groups.every(({ tally }) => tally.outcome() === 'rejected')
    return isRejected ? 'rejected' : 'unknown'
  }
}
