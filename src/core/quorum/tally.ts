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
  /** The nodes that were asked, each once. They are few, so a list finds one sooner than a map. */
  readonly #nodes: string[] = []
  /** For each node: its unanswered asks. */
  readonly #open: number[] = []
  /** For each node: whether it has the copy. A node counts once, however often it answers. */
  readonly #holds: boolean[] = []
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
    for (const node of options.asked) {
      const at = this.#nodes.indexOf(node)
      if (at >= 0) this.#open[at] = (this.#open[at] as number) + 1
      else {
        this.#nodes.push(node)
        this.#open.push(1)
        this.#holds.push(false)
      }
    }
    this.#pending = this.#nodes.length
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
    const at = this.#nodes.indexOf(node)
    const open = this.#open[at]
    assert(open !== undefined, () => `${node} was asked`)
    if (open === 0) return
    this.#open[at] = open - 1
    if (kind === 'refused') this.#notRefused--
    if (this.#holds[at] === true) return
    const holds = kind === 'stored' || kind === 'hinted'
    this.#holds[at] = holds
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
