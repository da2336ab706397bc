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
  /** Asks that a node has not answered yet. */
  readonly #open = new Map<string, number>()
  /** Nodes that have the copy: each counts once, whatever else it says. */
  readonly #holders = new Set<string>()
  #stored = 0
  #hinted = 0
  /** Nodes that may still come to count. */
  #pending: number
  /** Asks, of all nodes, that were not refused: answered otherwise or not yet. */
  #notRefused: number

  /**
   * `asked`: the node of each ask. A node that is asked to stand in for several owners is there as often.
   * `sloppy`: whether fallbacks count.
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

  get hinted(): number {
    return this.#hinted
  }

  /** Takes one reply for each ask; further ones are repeats, and ignored. */
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

  /** What to tell of a round that is not met: now, with the asks that are not answered taken as lost. */
  outcome(): 'rejected' | 'unknown' {
    return this.#notRefused === 0 ? 'rejected' : 'unknown'
  }
}
