/**
 * This room tells clients of any node which keys of a bucket change. Each node logs the changes of its own copies
 * (change-log.ts), as `storage` reports them. A watch reads the logs of the owners through `peers` (log-reader.ts). The
 * horizon of `repair` tells what an owner has settled. core/watch/following.ts says why no change is missed: begin with
 * that file, then read watcher.ts.
 *
 * A watch promises this for every write that began after the watch and was acknowledged at the level `eventual` or
 * above: the watch tells the write or a newer state of its key, or it says that it has to begin again. It tells each
 * change at least once, and keys in no order. It does not promise to tell each of several quick states of a key, or
 * writes that were lost with a disk. It promises no time limit: an owner behind a cut may not know a write yet, and the
 * status of the watch then names the data partitions.
 *
 * This file holds the watches that are open at this node, and the nodes that read this node's log.
 */
import { QuorateError } from '../../core/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Peers } from '../peers/peers.ts'
import type { Watch, WatchRequest } from '../service/watch.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import { NEWS } from '../wire/asks/watch-asks.ts'
import type { ChangeLog } from './change-log.ts'
import { Watcher, type WatcherParts } from './watcher.ts'

const WATCHES_MAX = 256
/** News are sent at most this often. */
const NEWS_DELAY_MS = 20
/** The more watches there are, the less often each of them hears of news: all together read a log 500 times a second. */
const NEWS_DELAY_MS_PER_WATCH = 2
/** A node that has read nothing for this long gets no news. */
const READER_MS = 30_000

export interface WatchesParts extends WatcherParts {
  readonly peers: Peers
  readonly log: ChangeLog
}

export class Watches {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #parts: WatchesParts
  readonly #watchers = new Set<Watcher>()
  /** Nodes that read the log → until when they get news. */
  readonly #readers = new Map<string, number>()
  /** Nodes whose news will be passed on to the watches in a moment. */
  readonly #delayed = new Set<string>()
  #isTelling = false
  #isStopped = false

  constructor(ports: { clock: Clock; timers: Timers }, parts: WatchesParts) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#parts = parts
    parts.log.grown.listen(() => this.#tellSoon())
  }

  /** Rejects with bucket_unknown, overloaded, quorum_unreachable or watch_position_gone. */
  async open({ bucket: name, prefix, from }: WatchRequest): Promise<Watch> {
    const bucket = this.#parts.keeper.bucket(name)
    if (bucket === undefined) throw new QuorateError('bucket_unknown', `there is no bucket ${name}`)
    if (this.#watchers.size >= WATCHES_MAX || this.#isStopped) {
      const message = this.#isStopped
        ? 'this node is stopping'
        : `${WATCHES_MAX} watches are open at this node`
      throw new QuorateError('overloaded', message, { retryAfterSeconds: 1 })
    }
    const watcher = new Watcher(
      { clock: this.#clock, timers: this.#timers },
      this.#parts,
      { bucket, prefix },
      () => this.#watchers.delete(watcher),
    )
    this.#watchers.add(watcher)
    try {
      if (from === 'now' || from === 'everything') await watcher.begin(from)
      else if (!(await watcher.resume(from))) throw positionGone()
    } catch (error) {
      watcher.close()
      throw error
    }
    return watcher
  }

  /** The log of that node has grown. */
  heardNews(node: string): void {
    const delayMs = this.#watchers.size * NEWS_DELAY_MS_PER_WATCH
    // The sender has waited long enough already (NEWS_DELAY_MS).
    if (delayMs <= NEWS_DELAY_MS) {
      this.#spread(node)
      return
    }
    if (this.#delayed.has(node)) return
    this.#delayed.add(node)
    this.#timers.after(delayMs, () => {
      this.#delayed.delete(node)
      this.#spread(node)
    })
  }

  /** That node has read this node's log, so it gets news for a while. */
  noteReader(node: string): void {
    this.#readers.set(node, this.#clock.monotonicMs() + READER_MS)
  }

  stop(): void {
    this.#isStopped = true
    for (const watcher of this.#watchers) watcher.stop('the node is stopping')
  }

  #spread(node: string): void {
    for (const watcher of this.#watchers) watcher.heardNews(node)
  }

  #tellSoon(): void {
    if (this.#isTelling || this.#isStopped) return
    this.#isTelling = true
    this.#timers.after(NEWS_DELAY_MS, () => {
      this.#isTelling = false
      if (!this.#isStopped) this.#tell()
    })
  }

  #tell(): void {
    const { peers, self } = this.#parts
    const nowMs = this.#clock.monotonicMs()
    for (const [node, untilMs] of this.#readers) {
      if (untilMs < nowMs) this.#readers.delete(node)
      else peers.tell(node, NEWS, NO_FIELDS)
    }
    this.heardNews(self)
  }
}

function positionGone(): QuorateError {
  return new QuorateError(
    'watch_position_gone',
    'the changes after that position are gone: watch with since=0, which begins with every key',
  )
}
