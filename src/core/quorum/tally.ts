/**
 * Counts the replies to one round of a write. It counts replies of distinct nodes, never guesses about which nodes are
 * up (riak_kv #388).
 *
 * Three outcomes: met; rejected (nothing was or will be applied anywhere); unknown (something may have been).
 */
import { assert } from '../assert.ts'

/**
 * `stored`: durable at an owner. `hinted`: durable at a fallback, for an owner. `refused`: not applied there, and never
 * will be. `lost`: it may have been applied.
 */
export type ReplyKind = 'stored' | 'hinted' | 'refused' | 'lost'

export class Tally {
  readonly #need: number
  readonly #sloppy: boolean
  /** Unanswered asks of each node. */
  readonly #open = new Map<string, number>()
  /** Nodes that have the copy. Each counts once, however often it answers. */
  readonly #holders = new Set<string>()
  #stored = 0
  #hinted = 0
  /** Nodes that may still come to count. */
  #pending: number
  /** Asks that were not refused, whether answered or still open. */
  #notRefused: number

  /**
   * `asked`: the node of each ask. A node that stands in for several owners is listed several times. `sloppy`: whether
   * fallbacks count.
   */
  constructor(options: { need: number; asked: readonly string[]; sloppy: boolean }) {
    this.#need = options.need
    this.#sloppy = options.sloppy
    for (const node of options.asked) this.#open.set(node, (this.#open.get(node) ?? 0) + 1)
    this.#pending = this.#open.size
    this.#notRefused = options.asked.length
  }

  /** Copies that count. */
  get got(): number {
    return this.#stored + (this.#sloppy ? this.#hinted : 0)
  }

  /** Hints that fallbacks keep, whether they count or not. */
  get hinted(): number {
    return this.#hinted
  }

  /** Takes one reply for each ask. Further ones are repeats and are ignored. */
  record(node: string, kind: ReplyKind): void {
    const open = this.#open.get(node)
    assert(open !== undefined, `${node} was asked`)
    if (open === 0) return
    this.#open.set(node, open - 1)
    if (kind === 'refused') this.#notRefused--
    if (this.#holders.has(node)) return
    const holds = kind === 'stored' || kind === 'hinted'
    if (holds) this.#holders.add(node)
    if (holds || open === 1) this.#pending--
    if (kind === 'stored') this.#stored++
    else if (kind === 'hinted') this.#hinted++
  }

  state(): 'pending' | 'met' | 'unmet' {
    if (this.got >= this.#need) return 'met'
    return this.got + this.#pending < this.#need ? 'unmet' : 'pending'
  }

  /** The outcome if the round ended now: unanswered asks count as lost. */
  outcome(): 'rejected' | 'unknown' {
    return this.#notRefused === 0 ? 'rejected' : 'unknown'
  }
}
