/**
 * This room decides how asks reach other nodes and end, which peers are believed to be in reach (liveness.ts), and
 * which process of a peer gets a link (doorkeeper.ts). It relies on the network port, on the formats of `wire/asks` and
 * on the clock of `identity`. Other rooms answer the asks (ask-handlers.ts). The room also holds what these rooms
 * share: deadlines, the pace of background work, and the driver of a consensus attempt (run-proposer.ts).
 *
 * peers.ts sends requests (*asks*) to other nodes. Invariant: each ask ends exactly once: answered, refused, certainly
 * unsent, or lost.
 *
 * A *lost* ask may have been applied: its deadline passed, or the link closed after the network had taken it. A node
 * with a newer topology refuses the asks of this node. This node then fetches that topology and sends the ask again.
 */
import { assert } from '../../core/assert.ts'
import { Signal } from '../../core/signal.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Channel, Network } from '../../ports/network.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { Span, SpanParent } from '../../ports/tracer.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { AskFormat } from '../wire/asks/ask-format.ts'
import { TRACE } from '../wire/asks/trace-asks.ts'
import type { Answer } from '../wire/messages.ts'
import { askSpan, endingSpan } from './ask-span.ts'
import type { EpochSource } from './epoch-source.ts'
import { FramesOut } from './frames-out.ts'
import { PeerLatency } from './peer-latency.ts'
import type { Reply } from './reply.ts'

/** Unanswered asks to one peer; further ones end as unsent. This bounds the memory that a dead peer can hold. */
const OUTSTANDING_PER_PEER_MAX = 16_384
/** An expired ask is noticed at most this late. */
const SWEEP_INTERVAL_MS = 20
/** One ask is sent again at most this many times because this node's epoch was older. */
const EPOCH_RETRIES_MAX = 2

interface Outstanding<Request, Answer> {
  readonly to: string
  readonly format: AskFormat<Request, Answer>
  readonly request: Request
  readonly deadlineMs: number
  readonly done: (reply: Reply<Answer>) => void
  /** Undefined if the request is not traced. */
  readonly span: Span | undefined
  /** The monotonic times when the ask was sent, and when it is given up. */
  readonly startMs: number
  readonly endMs: number
  retries: number
}

type AnyOutstanding = Outstanding<unknown, unknown>

export class Peers {
  readonly #network: Network
  readonly #timers: Timers
  readonly #log: Log
  readonly #monotonic: Clock
  readonly #clock: NodeClock
  readonly #epochs: EpochSource
  readonly #outstanding = new Map<number, AnyOutstanding>()
  readonly #outstandingTo = new Map<string, number>()
  /** The way out of this node, also for its answers. */
  readonly out: FramesOut
  #nextId: number
  /** The timer of `#expire`. It runs only while an ask is unanswered. */
  #sweep: Timer | undefined
  readonly #latency: PeerLatency
  /** A frame of the peer has come. On the channel `answer`, it answers an ask of this node. */
  readonly heard = new Signal<[peer: string, channel: Channel]>()
  /** A frame of a peer whose clock is believed has come on a link of that version. */
  readonly versionHeard = new Signal<[peer: string, version: number, stamp: number]>()
  /** An ask to the peer is lost. */
  readonly askLost = new Signal<[peer: string]>()
  /** A link to the peer was opened or closed. */
  readonly linkChanged = new Signal<[peer: string, isOpen: boolean]>()

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
      /** A number that is unique to this process. */
      life: number
    },
  ) {
    // The ids differ from those of an earlier process, so that an answer to it is not taken for an answer to this one.
    this.#nextId = parts.life * ASKS_PER_LIFE_MAX + 1
    this.#network = ports.network
    this.#timers = ports.timers
    this.#monotonic = ports.clock
    this.#log = ports.log
    this.#latency = new PeerLatency(ports.metrics)
    this.#clock = parts.clock
    this.#epochs = parts.epochs
    const unsent = (askId: number): void => this.#end(askId, { type: 'unsent' })
    this.out = new FramesOut(ports, { ...parts, unsent })
    this.#network.onLink((peer, open) => {
      if (!open) this.#loseLink(peer)
      this.linkChanged.emit(peer, open)
    })
  }

  /**
   * `deadlineMs` is wall-clock time on the node's clock. `done` is called exactly once, never before this returns.
   * `parent`: the span of the request, if it is traced.
   */
  ask<Request, Answer>(
    to: string,
    format: AskFormat<Request, Answer>,
    request: Request,
    deadlineMs: number,
    done: (reply: Reply<Answer>) => void,
    parent?: SpanParent,
  ): void {
    const span = parent && askSpan(parent, to, format.kind)
    const end = span === undefined ? done : endingSpan(span, done)
    const waiting = this.#outstandingTo.get(to) ?? 0
    if (waiting >= OUTSTANDING_PER_PEER_MAX || !this.#network.isOpen(to)) {
      this.#timers.soon(() => end({ type: 'unsent' }))
      return
    }
    const id = this.#nextId++
    const startMs = this.#monotonic.monotonicMs()
    // This uses the monotonic clock, because the node's clock stands still for a while if the wall clock is set back.
    const endMs = startMs + this.#clock.leftMs(deadlineMs)
    const timing = { deadlineMs, startMs, endMs }
    const told = { to, format, request, ...timing, done: end, span, retries: 0 }
    // The answer of this ask is decoded with its own format, so the types match again.
    const ask = told as unknown as AnyOutstanding
    this.#outstanding.set(id, ask)
    this.#sweep ??= this.#timers.every(SWEEP_INTERVAL_MS, () => this.#expire())
    this.#outstandingTo.set(to, waiting + 1)
    this.#send(id, ask)
  }

  /** Like `ask`, but returns a promise. */
  request<Request, Answer>(
    to: string,
    format: AskFormat<Request, Answer>,
    request: Request,
    deadlineMs: number,
    parent?: SpanParent,
  ): Promise<Reply<Answer>> {
    return new Promise((resolve) => this.ask(to, format, request, deadlineMs, resolve, parent))
  }

  /** Ends every unanswered ask, so that nothing calls back after this node has stopped. */
  stop(): void {
    for (const id of this.#outstanding.keys()) this.#end(id, { type: 'lost', reason: 'link' })
    this.#sweep?.cancel()
  }

  /** Sends a message that expects no answer. Drops it silently if there is no link. */
  tell<Request>(to: string, format: AskFormat<Request, unknown>, request: Request): void {
    if (this.#network.isOpen(to)) this.#postAsk(0, to, format, request, 0)
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

  /** Each time the context of its span goes before it, because the peer keeps none for an ask that it has refused. */
  #send(id: number, { to, format, request, deadlineMs, span }: AnyOutstanding): void {
    if (span !== undefined) {
      const { traceparent, tracestate } = span
      this.tell(to, TRACE, { ask: id, traceparent, tracestate })
    }
    this.#postAsk(id, to, format, request, deadlineMs)
  }

  #postAsk<Request>(
    id: number,
    to: string,
    format: AskFormat<Request, unknown>,
    request: Request,
    deadlineMs: number,
  ): void {
    const message: Encodable[] = [id, format.kind, deadlineMs]
    format.encode(request, message)
    this.out.post(to, 'ask', message)
  }

  /**
   * Takes the answers of one frame of a peer. `isTrusted`: whether the peer's clock is believed.
   *
   * Holds back answers from a newer epoch until this node has adopted that epoch: in it the key may have other owners,
   * and this node may have asked too few of them.
   */
  takeAnswers(from: string, answers: readonly Answer[], epoch: number, isTrusted: boolean): void {
    const held: Answer[] = []
    for (const answer of answers) {
      const ask = epoch > this.#epochs.epoch ? this.#outstanding.get(answer[0]) : undefined
      // An answer that is not trusted ends as lost, so that timestamps of a broken clock never enter this node.
      if (ask === undefined || ask.format.isAnyEpoch === true)
        this.#takeAnswer(from, answer, isTrusted)
      else held.push(answer)
    }
    if (held.length === 0) return
    this.#epochs.catchUp(from, this, () => {
      // Without that topology the answers end as lost.
      const isCaughtUp = epoch <= this.#epochs.epoch
      for (const answer of held) this.#takeAnswer(from, answer, isTrusted && isCaughtUp)
    })
  }

  #takeAnswer(from: string, item: Answer, isTrusted: boolean): void {
    const [id, code, ...fields] = item
    const ask = this.#outstanding.get(id)
    // An ask that is not outstanding has ended, mostly by its deadline. An answer counts only from the node asked.
    if (ask === undefined || ask.to !== from) return
    const { format } = ask
    // `late` may answer a duplicate of the ask while the first one is being done. So the outcome is not known.
    if ((!isTrusted && format.hasNoDeadline !== true) || code === 'late') {
      const reason = code === 'late' ? 'late' : 'deadline'
      this.#end(id, { type: 'lost', reason: this.#clock.isRefused(from) ? 'clock' : reason })
    } else if (code === 'ok') {
      this.#end(id, this.#decoded(ask, fields))
    } else if (code === 'stale_epoch' && ask.retries < EPOCH_RETRIES_MAX) {
      ask.retries++
      this.#epochs.catchUp(from, this, () => {
        if (this.#outstanding.has(id)) this.#send(id, ask)
      })
    } else {
      this.#end(id, { type: 'refused', code, message: String(fields[0] ?? '') })
    }
  }

  /** An answer that cannot be decoded counts as lost, because the peer may have done what it was asked. */
  #decoded({ to, format }: AnyOutstanding, fields: readonly Encodable[]): Reply<unknown> {
    try {
      return { type: 'ok', answer: format.decodeAnswer(fields) }
    } catch (error) {
      this.#log.error({ peer: to, kind: format.kind, error: String(error) }, GARBLED)
      return { type: 'lost', reason: 'garbled' }
    }
  }

  #end(id: number, reply: Reply<unknown>): void {
    const ask = this.#outstanding.get(id)
    if (ask === undefined) return
    this.#outstanding.delete(id)
    const unanswered = this.#outstandingTo.get(ask.to) ?? 0
    assert(unanswered > 0, 'an ask ends once')
    this.#outstandingTo.set(ask.to, unanswered - 1)
    if (reply.type === 'lost') this.askLost.emit(ask.to)
    else if (reply.type === 'ok') {
      this.#latency.measured(ask.to, this.#monotonic.monotonicMs() - ask.startMs)
    }
    ask.done(reply)
  }

  /** Scans all asks. A timer for each would cost more, because few are open at a time and most end before a scan. */
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
const GARBLED = 'an answer could not be decoded'
