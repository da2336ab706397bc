/**
 * Sends requests (*asks*) to other nodes, and answers theirs. All messages to one peer in one turn of the event loop
 * travel in one frame. Each ask ends exactly once: answered, refused, certainly unsent, or lost.
 *
 * A *lost* ask may have been applied: its deadline passed, or the link closed after the network had taken it. A node
 * with a newer topology refuses the asks of this node. This node then fetches that topology and sends the ask again.
 */
import { assert } from '../../core/assert.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Channel, Network } from '../../ports/network.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import { frameParts } from '../wire/frame-parts.ts'
import {
  type Answer,
  ANY_EPOCH,
  type Ask,
  type AskKind,
  encodeFrame,
  type Frame,
  ONCE_ONLY,
  parseFrame,
  type RefusalCode,
} from '../wire/messages.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { OnceOnly } from './once-only.ts'
import { Outboxes } from './outboxes.ts'
import { PeerLatency } from './peer-latency.ts'
import type { PeerLives } from '../identity/peer-lives.ts'
import { askFor } from '../wire/wire-version.ts'

/** Unanswered asks to one peer; further ones end as unsent. This bounds the memory that a dead peer can hold. */
const OUTSTANDING_PER_PEER_MAX = 16_384
/** An expired ask is noticed at most this late. */
const SWEEP_INTERVAL_MS = 20
/** One ask is sent again at most this many times because this node's epoch was older. */
const EPOCH_RETRIES_MAX = 2
/**
 * Asks of this kind have no deadline, because a decided topology is valid at any time. If a node's clock is so far
 * behind that all its asks are late, this answer tells it whose time to follow (core/causality/agreed-time.ts).
 */
const DEADLINE_EXEMPT: AskKind = 'topology'

export type Reply =
  | { readonly type: 'ok'; readonly body: readonly Encodable[] }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly type: 'unsent' }
  | { readonly type: 'lost'; readonly reason: 'deadline' | 'late' | 'link' | 'clock' }

export type AnswerWith = (code: 'ok' | RefusalCode, ...body: Encodable[]) => void

/** Handles one ask of a peer, and answers once, now or later. */
export type AskHandler = (
  from: string,
  kind: AskKind,
  body: readonly Encodable[],
  deadlineMs: number,
  answer: AnswerWith,
) => void

/** The part of the topology keeper that `Peers` uses (topology-keeper.ts). */
export interface EpochSource {
  readonly epoch: number
  /** Fetches the topology from a node that has a newer one. Calls back after success and after failure. */
  catchUp(from: string, done: () => void): void
}

interface Outstanding {
  readonly to: string
  readonly kind: AskKind
  readonly body: readonly Encodable[]
  readonly deadlineMs: number
  readonly done: (reply: Reply) => void
  /** The monotonic times when the ask was sent, and when it is given up. */
  readonly startMs: number
  readonly endMs: number
  retries: number
}

export class Peers {
  readonly #network: Network
  readonly #codec: Codec
  readonly #timers: Timers
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #monotonic: Clock
  readonly #clock: NodeClock
  readonly #epochs: EpochSource
  readonly #handle: AskHandler
  readonly #lives: PeerLives
  readonly #life: number
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #outstandingTo = new Map<string, number>()
  readonly #outboxes = new Outboxes()
  readonly #once = new OnceOnly()
  #flushScheduled = false
  #nextId: number
  /** The timer of `#expire`. It runs only while an ask is unanswered. */
  #sweep: Timer | undefined
  readonly #latency: PeerLatency
  /** Called for each frame (`answer`: it answers an ask of this node). `onVersion`: only if its clock is believed. */
  onHeard: (peer: string, channel: Channel) => void = () => undefined
  onLost: (peer: string) => void = () => undefined
  onLink: (peer: string, open: boolean) => void = () => undefined
  onVersion: (peer: string, version: number, stamp: number) => void = () => undefined

  constructor(
    ports: {
      network: Network
      codec: Codec
      timers: Timers
      clock: Clock
      log: Log
      metrics: Metrics
    },
    parts: {
      clock: NodeClock
      epochs: EpochSource
      handle: AskHandler
      lives: PeerLives
      /** A number that is unique to this process. */
      life: number
    },
  ) {
    this.#lives = parts.lives
    this.#life = parts.life
    // The ids differ from those of an earlier process, so that an answer to it is not taken for an answer to this one.
    this.#nextId = parts.life * ASKS_PER_LIFE_MAX + 1
    this.#network = ports.network
    this.#codec = ports.codec
    this.#timers = ports.timers
    this.#monotonic = ports.clock
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#latency = new PeerLatency(ports.metrics)
    this.#clock = parts.clock
    this.#epochs = parts.epochs
    this.#handle = parts.handle
    this.#network.onFrame((from, channel, frame) => this.#receive(from, channel, frame))
    this.#network.onLink((peer, open) => {
      if (!open) this.#loseLink(peer)
      this.onLink(peer, open)
    })
  }

  /** `deadlineMs` is wall-clock time on the node's clock. `done` is called exactly once, never before this returns. */
  ask(
    to: string,
    kind: AskKind,
    body: readonly Encodable[],
    deadlineMs: number,
    done: (reply: Reply) => void,
  ): void {
    const waiting = this.#outstandingTo.get(to) ?? 0
    if (waiting >= OUTSTANDING_PER_PEER_MAX || !this.#network.isOpen(to)) {
      this.#timers.soon(() => done({ type: 'unsent' }))
      return
    }
    const id = this.#nextId++
    const startMs = this.#monotonic.monotonicMs()
    // This uses the monotonic clock, because the node's clock stands still for a while if the wall clock is set back.
    const endMs = startMs + Math.max(0, deadlineMs - this.#clock.nowMs())
    this.#outstanding.set(id, { to, kind, body, deadlineMs, endMs, done, startMs, retries: 0 })
    this.#sweep ??= this.#timers.every(SWEEP_INTERVAL_MS, () => this.#expire())
    this.#outstandingTo.set(to, waiting + 1)
    this.#post(to, 'ask', [id, kind, deadlineMs, ...body])
  }

  /** Like `ask`, but returns a promise. */
  request(
    to: string,
    kind: AskKind,
    body: readonly Encodable[],
    deadlineMs: number,
  ): Promise<Reply> {
    return new Promise((resolve) => this.ask(to, kind, body, deadlineMs, resolve))
  }

  /** Ends every unanswered ask, so that nothing calls back after this node has stopped. */
  stop(): void {
    for (const id of this.#outstanding.keys()) this.#end(id, { type: 'lost', reason: 'link' })
    this.#sweep?.cancel()
  }

  /** Sends a message that expects no answer. Drops it silently if there is no link. */
  tell(to: string, kind: AskKind, body: readonly Encodable[]): void {
    if (this.#network.isOpen(to)) this.#post(to, 'ask', [0, kind, 0, ...body])
  }

  /** The version of the protocol on the link to the peer; undefined if there is no link. */
  versionOf(peer: string): number | undefined {
    return this.#network.versionOf(peer, 'ask')
  }

  /** The smoothed time from an ask to its answer; 0 before the first answer. */
  latencyMs(peer: string): number {
    return this.#latency.ms(peer)
  }

  /** The peers that have left an ask unanswered for longer than `patienceMs`. */
  overdue(patienceMs: number): Set<string> {
    const nowMs = this.#monotonic.monotonicMs()
    const peers = new Set<string>()
    // The asks are ordered by their start, so the first young one ends the search.
    for (const { to, startMs } of this.#outstanding.values()) {
      if (nowMs - startMs <= patienceMs) break
      peers.add(to)
    }
    return peers
  }

  #post(to: string, channel: Channel, item: Encodable): void {
    this.#outboxes.add(to, channel, item)
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    this.#timers.soon(() => this.#flush())
  }

  #flush(): void {
    this.#flushScheduled = false
    this.#outboxes.drain((to, channel, items) => this.#sendFrames(to, channel, items))
  }

  #sendFrames(to: string, channel: Channel, items: readonly Encodable[]): void {
    // Without a link there is no version. Then `send` below sends nothing, so any version will do.
    const version = this.#network.versionOf(to, channel) ?? VERSIONS.newest
    if (channel === 'ask') items = this.#asksFor(version, items as readonly Ask[])
    for (const part of frameParts(items)) {
      const [stamp, wallMs] = [this.#clock.stamp(), this.#clock.ownMs()]
      const head = { stamp, wallMs, epoch: this.#epochs.epoch, life: this.#life, version }
      const frame = this.#codec.encode(encodeFrame({ ...head, items: part }))
      const sent = this.#network.send(to, channel, frame)
      this.#metrics.count('peer_frames_total', DIRECTION_OUT)
      this.#metrics.count('peer_messages_total', DIRECTION_OUT, part.length)
      this.#metrics.count('peer_bytes_total', DIRECTION_OUT, frame.length)
      if (!sent && channel === 'ask') {
        for (const item of part) this.#end((item as Ask)[0], { type: 'unsent' })
      }
    }
  }

  /** Converts the asks to that version of the protocol. An ask that the version cannot express ends as unsent. */
  #asksFor(version: number, asks: readonly Ask[]): readonly Ask[] {
    if (version === VERSIONS.newest) return asks
    return asks.flatMap((ask) => {
      const converted = askFor(version, ask)
      if (converted !== undefined) return [converted]
      this.#end(ask[0], { type: 'unsent' })
      return []
    })
  }

  #receive(from: string, channel: Channel, bytes: Uint8Array): void {
    const frame = parseFrame(this.#codec.decode(bytes))
    const { stamp, wallMs, epoch, life, items, version } = frame
    this.#metrics.count('peer_frames_total', DIRECTION_IN)
    this.#metrics.count('peer_messages_total', DIRECTION_IN, items.length)
    this.#metrics.count('peer_bytes_total', DIRECTION_IN, bytes.length)
    const trusted = this.#clock.receive(from, stamp, wallMs)
    if (trusted) {
      this.#lives.note(from, life, stamp)
      this.onVersion(from, version, stamp)
    }
    this.onHeard(from, channel)
    if (channel === 'answer') {
      this.#takeAnswers(from, items as unknown as Answer[], epoch, trusted)
      return
    }
    const behind = epoch > this.#epochs.epoch
    const run = (): void => {
      for (const item of items) this.#takeAsk(from, item as unknown as Ask, frame, trusted)
    }
    if (behind && items.some((item) => !ANY_EPOCH.has((item as unknown as Ask)[1]))) {
      this.#epochs.catchUp(from, run)
      return
    }
    // Gossip is handled at once. It is how a node without client requests learns that there is a newer topology.
    run()
    if (behind) this.#epochs.catchUp(from, () => undefined)
  }

  /**
   * Holds back answers from a newer epoch until this node has adopted that epoch: the key may have other owners in it,
   * and then this node has asked too few of them.
   */
  #takeAnswers(from: string, answers: readonly Answer[], epoch: number, trusted: boolean): void {
    const held: Answer[] = []
    for (const answer of answers) {
      const kind = epoch > this.#epochs.epoch ? this.#outstanding.get(answer[0])?.kind : undefined
      // An answer that is not trusted ends as lost, so that timestamps of a broken clock never enter this node.
      if (kind === undefined || ANY_EPOCH.has(kind)) this.#takeAnswer(from, answer, trusted)
      else held.push(answer)
    }
    if (held.length === 0) return
    this.#epochs.catchUp(from, () => {
      const knows = epoch <= this.#epochs.epoch
      for (const answer of held) this.#takeAnswer(from, answer, trusted && knows)
    })
  }

  #takeAsk(from: string, ask: Ask, { epoch }: Frame, trusted: boolean): void {
    const [id, kind, deadlineMs, ...body] = ask
    let answered = false
    const answer: AnswerWith = (code, ...rest) => {
      assert(!answered, () => `an ask is answered once: ${kind}`)
      answered = true
      if (id !== 0) this.#post(from, 'answer', [id, code, ...rest])
    }
    // The `hello` of a node with a refused clock is refused, because this node does not note its current life.
    if (!trusted && (kind === 'hello' || !ANY_EPOCH.has(kind))) {
      answer('clock_drift', `the clock of ${from} is too far ahead`)
    } else if (epoch < this.#epochs.epoch && !ANY_EPOCH.has(kind)) {
      this.#metrics.count('stale_epoch_refusals_total')
      answer('stale_epoch', `epoch ${epoch} is older than ${this.#epochs.epoch}`)
    } else if (epoch > this.#epochs.epoch && !ANY_EPOCH.has(kind)) {
      answer('not_ready', `the topology of epoch ${epoch} could not be fetched`)
    } else if (id !== 0 && kind !== DEADLINE_EXEMPT && deadlineMs < this.#clock.nowMs()) {
      this.#metrics.count('late_messages_refused_total')
      answer('late', 'the deadline has passed')
    } else if (ONCE_ONLY.has(kind) && !this.#isFirst(from, ask, answer)) {
      return
    } else {
      try {
        this.#handle(from, kind, body, deadlineMs, answer)
      } catch (error) {
        this.#log.error({ peer: from, kind, error: String(error) }, 'an ask could not be handled')
        // A handler that throws after its answer has broken an invariant, so this error must not be swallowed.
        if (answered) throw error
        answer('bad_message', String(error))
      }
    }
  }

  #isFirst(from: string, [id, , deadlineMs]: Ask, answer: AnswerWith): boolean {
    const taken = this.#once.take(from, id, deadlineMs, this.#clock.nowMs())
    if (taken === 'full') answer('overloaded', 'too many requests are forwarded to this node')
    return taken === 'first'
  }

  #takeAnswer(from: string, item: Answer, trusted: boolean): void {
    const [id, code, ...body] = item
    const ask = this.#outstanding.get(id)
    // An ask that is not outstanding has ended, mostly by its deadline. An answer counts only from the node asked.
    if (ask === undefined || ask.to !== from) return
    // `late` may answer a duplicate of the ask while the first one is being done. So the outcome is not known.
    if ((!trusted && ask.kind !== DEADLINE_EXEMPT) || code === 'late') {
      const reason = code === 'late' ? 'late' : 'deadline'
      this.#end(id, { type: 'lost', reason: this.#clock.isRefused(from) ? 'clock' : reason })
    } else if (code === 'ok') {
      this.#end(id, { type: 'ok', body })
    } else if (code === 'stale_epoch' && ask.retries < EPOCH_RETRIES_MAX) {
      ask.retries++
      this.#epochs.catchUp(from, () => {
        if (this.#outstanding.has(id))
          this.#post(from, 'ask', [id, ask.kind, ask.deadlineMs, ...ask.body])
      })
    } else {
      this.#end(id, { type: 'refused', code, message: String(body[0] ?? '') })
    }
  }

  #end(id: number, reply: Reply): void {
    const ask = this.#outstanding.get(id)
    if (ask === undefined) return
    this.#outstanding.delete(id)
    this.#outstandingTo.set(ask.to, (this.#outstandingTo.get(ask.to) ?? 1) - 1)
    if (reply.type === 'lost') this.onLost(ask.to)
    else if (reply.type === 'ok') {
      this.#latency.measured(ask.to, this.#monotonic.monotonicMs() - ask.startMs)
    }
    ask.done(reply)
  }

  /** Scans all asks, instead of a timer for each: few are open at a time, and most are answered before the scan. */
  #expire(): void {
    const nowMs = this.#monotonic.monotonicMs()
    for (const [id, ask] of this.#outstanding) {
      if (ask.endMs < nowMs) this.#end(id, { type: 'lost', reason: 'deadline' })
    }
    if (this.#outstanding.size > 0) return
    this.#sweep?.cancel()
    this.#sweep = undefined
  }

  #loseLink(peer: string): void {
    for (const [id, ask] of this.#outstanding) {
      if (ask.to === peer) this.#end(id, { type: 'lost', reason: 'link' })
    }
  }
}

/** The id of an ask has 53 bits. The upper ones are the number of the process (LIVES_MAX). */
const ASKS_PER_LIFE_MAX = 2 ** 32
const DIRECTION_IN = { direction: 'in' }
const DIRECTION_OUT = { direction: 'out' }
