/**
 * Counts the replies to one round of a write. A majority counts replies of distinct nodes, never guesses
 * about who is up (riak_kv #388).
 *
 * Three outcomes: met; rejected (nothing was or will be applied anywhere); unknown (something may have been).
 */
import { assert } from '../assert.ts'

/**
 * `stored`: durable at an owner. `hinted`: durable at a fallback, for an owner. `refused`: certainly not
 * applied there. `lost`: it may have been.
 */
export type ReplyKind = 'stored' | 'hinted' | 'refused' | 'lost'

export class Tally {
  readonly #need: number
  readonly #sloppy: boolean
  readonly #replies = new Map<string, ReplyKind | undefined>()
  #stored = 0
  #hinted = 0
  #lost = 0
  #pending: number

  /** `asked`: each node that will be asked, once. `sloppy`: whether fallbacks count. */
  constructor(options: { need: number; asked: readonly string[]; sloppy: boolean }) {
    this.#need = options.need
    this.#sloppy = options.sloppy
    for (const node of options.asked) this.#replies.set(node, undefined)
    assert(this.#replies.size === options.asked.length, 'each node is asked once')
    this.#pending = options.asked.length
  }

  /** Copies that count. */
  get got(): number {
    return this.#stored + (this.#sloppy ? this.#hinted : 0)
  }

  get hinted(): number {
    return this.#hinted
  }

  /** A node's first reply counts; a node that keeps hints for several owners gives several. */
  record(node: string, kind: ReplyKind): void {
    assert(this.#replies.has(node), `${node} was asked`)
    if (this.#replies.get(node) !== undefined) return
    this.#replies.set(node, kind)
    this.#pending--
    if (kind === 'stored') this.#stored++
    else if (kind === 'hinted') this.#hinted++
    else if (kind === 'lost') this.#lost++
  }

  state(): 'pending' | 'met' | 'unmet' {
    if (this.got >= this.#need) return 'met'
    return this.got + this.#pending < this.#need ? 'unmet' : 'pending'
  }

  /** What to tell of a round that is not met: now, with the nodes that have not answered taken as lost. */
  outcome(): 'rejected' | 'unknown' {
    return this.#stored + this.#hinted + this.#lost + this.#pending === 0 ? 'rejected' : 'unknown'
  }
}
