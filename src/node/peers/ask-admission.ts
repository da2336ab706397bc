/**
 * Decides whether an ask of a peer is handled: not if its sender has another topology or a clock that is not believed,
 * not after its deadline, and not twice if it carries a client's write. Then it calls the handler, which answers once.
 */
import { assert } from '../../core/assert.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Span } from '../../ports/tracer.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { AskFormat } from '../wire/asks/ask-format.ts'
import { ASK_FORMATS, type AskKind } from '../wire/asks/ask-formats.ts'
import type { Ask, Refusal, RefusalCode } from '../wire/messages.ts'
import type { Asker, AskHandlers } from './ask-handlers.ts'
import type { AskTraces } from './ask-traces.ts'
import type { EpochSource } from './epoch-source.ts'
import type { FramesOut } from './frames-out.ts'
import { OnceOnly } from './once-only.ts'

/** The format and the handler of one kind of ask. Both have the same types, which a map of all kinds cannot express. */
interface AnyKind {
  readonly format: AskFormat<unknown, unknown>
  readonly handle: (request: unknown, asker: Asker<unknown>) => void
}

export interface AskAdmissionParts {
  readonly clock: NodeClock
  readonly epochs: EpochSource
  readonly handlers: AskHandlers
  readonly out: FramesOut
  /** Undefined if this node traces nothing. */
  readonly traces?: AskTraces | undefined
}

export class AskAdmission {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #parts: AskAdmissionParts
  readonly #kinds: ReadonlyMap<string, AnyKind>
  readonly #once = new OnceOnly()
  /** Asks whose senders wait for an answer. */
  #unanswered = 0
  /** Called when there is none. */
  #whenAnswered = (): void => undefined

  constructor(ports: { log: Log; metrics: Metrics }, parts: AskAdmissionParts) {
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#kinds = kindsOf(parts.handlers)
  }

  /** Whether asks of this kind work between nodes of different epochs. */
  isAnyEpoch(kind: string): boolean {
    return this.#kinds.get(kind)?.format.isAnyEpoch === true
  }

  /** `epoch`: the sender's. `isTrusted`: whether the sender's clock is believed. */
  take(from: string, ask: Ask, epoch: number, isTrusted: boolean): void {
    const { clock, epochs, out, traces } = this.#parts
    const [id, name, deadlineMs] = ask
    const kind = this.#kinds.get(name)
    const format = kind?.format
    const isAnyEpoch = format?.isAnyEpoch === true
    const asker = new PeerAsker(out, from, ask, format, this.#answered)
    if (traces !== undefined) asker.span = traces.begin(from, id, format?.kind ?? 'unknown')
    if (id !== 0) this.#unanswered++
    // The `hello` of a node with a refused clock is refused, because this node does not note its current life.
    if (!isTrusted && (name === 'hello' || !isAnyEpoch)) {
      asker.refuseWith('clock_drift', `the clock of ${from} is too far ahead`)
    } else if (epoch < epochs.epoch && !isAnyEpoch) {
      this.#metrics.count('stale_epoch_refusals_total')
      asker.refuseWith('stale_epoch', `epoch ${epoch} is older than ${epochs.epoch}`)
    } else if (epoch > epochs.epoch && !isAnyEpoch) {
      asker.refuseWith('not_ready', `the topology of epoch ${epoch} could not be fetched`)
    } else if (id !== 0 && format?.hasNoDeadline !== true && deadlineMs < clock.nowMs()) {
      this.#metrics.count('late_messages_refused_total')
      asker.refuseWith('late', 'the deadline has passed')
    } else if (format?.isOnceOnly === true && !this.#isFirst(asker, id)) {
      return
    } else if (kind === undefined) {
      asker.refuseWith('bad_message', `unknown ask ${name}`)
    } else this.#handle(kind, ask, asker)
  }

  /** Resolves when no ask is unanswered. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenAnswered = resolve
      if (this.#unanswered === 0) resolve()
    })
  }

  readonly #answered = (): void => {
    this.#unanswered--
    if (this.#unanswered === 0) this.#whenAnswered()
  }

  #handle({ format, handle }: AnyKind, ask: Ask, asker: PeerAsker): void {
    try {
      handle(format.decode(ask.slice(ASK_HEAD_FIELDS)), asker)
    } catch (error) {
      const { kind } = format
      this.#log.error({ peer: asker.node, kind, error: String(error) }, NOT_HANDLED)
      // A handler that throws after its answer has broken an invariant, so this error must not be swallowed.
      if (asker.isAnswered) throw error
      asker.refuseWith('bad_message', String(error))
    }
  }

  #isFirst(asker: PeerAsker, id: number): boolean {
    const nowMs = this.#parts.clock.nowMs()
    const taken = this.#once.take(asker.node, id, asker.deadlineMs, nowMs)
    if (taken === 'full') {
      asker.refuseWith('overloaded', 'too many requests are forwarded to this node')
    } else if (taken !== 'first') this.#answered()
    return taken === 'first'
  }
}

/** The sender of one ask, as its handler sees it. It sends the answer, and asserts that there is only one. */
class PeerAsker implements Asker<unknown> {
  readonly node: string
  readonly deadlineMs: number
  span: Span | undefined
  readonly #out: FramesOut
  readonly #id: number
  readonly #format: AskFormat<unknown, unknown> | undefined
  readonly #ended: () => void
  isAnswered = false

  constructor(
    out: FramesOut,
    node: string,
    [id, , deadlineMs]: Ask,
    format: AskFormat<unknown, unknown> | undefined,
    ended: () => void,
  ) {
    this.#out = out
    this.node = node
    this.deadlineMs = deadlineMs
    this.#id = id
    this.#format = format
    this.#ended = ended
  }

  answer(answer: unknown, error?: string): void {
    const message: Encodable[] = [this.#id, 'ok']
    this.#format?.encodeAnswer(answer, message)
    this.#end(message)
    this.span?.end({ error })
  }

  refuse({ code, message }: Refusal): void {
    this.refuseWith(code, message)
  }

  refuseWith(code: RefusalCode, message: string): void {
    this.#end([this.#id, code, message])
    this.span?.end({ error: code })
  }

  #end(message: Encodable[]): void {
    assert(!this.isAnswered, () => `an ask is answered once: ${this.#format?.kind}`)
    this.isAnswered = true
    if (this.#id === 0) return
    this.#out.post(this.node, 'answer', message)
    this.#ended()
  }
}

function kindsOf(handlers: AskHandlers): ReadonlyMap<string, AnyKind> {
  const kinds = Object.keys(ASK_FORMATS) as AskKind[]
  return new Map(
    kinds.map((kind) => [kind, { format: ASK_FORMATS[kind], handle: handlers[kind] } as AnyKind]),
  )
}

const ASK_HEAD_FIELDS = 3
const NOT_HANDLED = 'an ask could not be handled'
