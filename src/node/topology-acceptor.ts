/**
 * This node as an acceptor of the topology register: one state, durable before each answer.
 *
 * A node whose directory is new, or an old one, has forgotten what it promised and accepted, and may not answer from
 * that: two majorities that share only this node would share nobody. It asks the others what they have accepted, so
 * many that one of them was in any majority that this node was in, and refuses every ballot that an earlier life of it
 * can have promised (register-acceptor.ts does the same for strong keys).
 */
import {
  accept,
  type AcceptorReply,
  type AcceptorState,
  type AcceptorStep,
  emptyAcceptor,
  prepare,
} from '../core/consensus/acceptor.ts'
import {
  type Ballot,
  BALLOT_ZERO,
  compareBallots,
  encodeBallot,
  maxBallot,
  parseBallot,
} from '../core/consensus/ballot.ts'
import { majority } from '../core/quorum/level.ts'
import type { Encodable } from '../ports/codec.ts'
import type { Log } from '../ports/log.ts'
import type { Timers } from '../ports/timers.ts'
import { encodeReply } from './acceptor-messages.ts'
import type { NodeClock } from './node-clock.ts'
import type { NodeState } from './node-state.ts'
import type { AnswerWith, Peers } from './peers.ts'

const ASK_TIMEOUT_MS = 2000
const RETRY_INTERVAL_MS = 500

/** The register holds documents as text; null is the first topology, which no one had to decide. */
export type Document = string

export interface TopologyAcceptorParts {
  readonly self: string
  readonly members: () => readonly string[]
  readonly state: NodeState
  readonly peers: Peers
  readonly clock: NodeClock
  /** Whether a majority has told this node of its earlier lives (arrival.ts). */
  readonly isProven: () => boolean
}

export class TopologyAcceptor {
  readonly #timers: Timers
  readonly #log: Log
  readonly #parts: TopologyAcceptorParts
  #acceptor: AcceptorState<Document>
  /** Whether the state may lack what earlier lives have said. */
  #isLost: boolean
  #isStopped = false
  /** Peer → what it has accepted, since this node has known that it lost its own. */
  readonly #recalled = new Map<string, AcceptorState<Document>>()
  /** Questions one after the other: the state is durable before the next. */
  #asked: Promise<unknown> = Promise.resolve()

  constructor(ports: { timers: Timers; log: Log }, parts: TopologyAcceptorParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
    const saved = parts.state.get('acceptor')
    this.#isLost = Array.isArray(saved) && saved[LOST_PLACE] === true
    this.#acceptor = decodeAcceptor(saved) ?? emptyAcceptor()
  }

  /** Whether the state is what this node has last said. */
  get #isKnown(): boolean {
    return !this.#isLost && this.#parts.isProven()
  }

  /** The network has been started: goes on to recall what an earlier start could not. */
  start(): void {
    if (this.#isLost) this.#recall()
  }

  stop(): void {
    this.#isStopped = true
  }

  /** It has turned out that this directory is not the newest of this node. Idempotent. */
  lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#recalled.clear()
    this.#log.warn(
      {},
      'what this node had promised for the topology is lost, and is asked of the others',
    )
    this.#save(this.#acceptor).catch(() => undefined)
    this.#recall()
  }

  /** Answers a question of a peer, after the state is durable. */
  handle(
    kind: 'prepare' | 'accept' | 'recall',
    body: readonly Encodable[],
    answer: AnswerWith,
  ): void {
    if (!this.#isKnown) {
      answer('not_ready', NOT_KNOWN)
      return
    }
    if (kind === 'recall') {
      this.#asked.then(
        () => answer('ok', ...encodeAcceptor(this.#acceptor)),
        () => answer('failed', 'the disk failed'),
      )
      return
    }
    const ballot = parseBallot(body[0])
    const document = body[1] ?? null
    if (ballot === undefined || (document !== null && typeof document !== 'string')) {
      answer('bad_message', 'not a ballot')
      return
    }
    if (this.#parts.clock.isTooFarAhead(ballot.counter)) {
      answer('clock_drift', 'the ballot is too far ahead')
      return
    }
    this.ask(kind, ballot, document).then(
      (reply) => answer('ok', ...encodeReply(reply, (value) => value)),
      (error: unknown) => answer('failed', String(error)),
    )
  }

  /** Rejects where the state cannot be stored, or is lost. */
  ask(
    kind: 'prepare' | 'accept',
    ballot: Ballot,
    document: Document | null,
  ): Promise<AcceptorReply<Document>> {
    const ask = async (): Promise<AcceptorReply<Document>> => {
      if (!this.#isKnown) throw new Error(NOT_KNOWN)
      const step: AcceptorStep<Document, AcceptorReply<Document>> = kind === 'prepare'
        ? prepare(this.#acceptor, ballot)
        : accept(this.#acceptor, ballot, document)
      // One question at a time: an unchanged state is durable already.
      if (step.state !== this.#acceptor) {
        await this.#save(step.state)
        this.#acceptor = step.state
      }
      return step.reply
    }
    const result = this.#asked.then(ask)
    this.#asked = result.catch(() => undefined)
    return result
  }

  /** Until so many have answered that every majority with this node in it had one of them. */
  #recall(): void {
    if (this.#isStopped || !this.#isLost) return
    const { self, members, peers, clock } = this.#parts
    const unasked = members().filter((id) => id !== self && !this.#recalled.has(id))
    for (const peer of unasked) {
      peers.ask(peer, 'recall', [], clock.nowMs() + ASK_TIMEOUT_MS, (reply) => {
        const state = reply.type === 'ok' ? decodeAcceptor(reply.body) : undefined
        if (state === undefined) return
        this.#recalled.set(peer, state)
        this.#lookWhetherRecalled()
      })
    }
    this.#timers.after(RETRY_INTERVAL_MS, () => this.#recall())
  }

  #lookWhetherRecalled(): void {
    const { members, clock } = this.#parts
    const count = members().length
    if (!this.#isLost || this.#recalled.size < count - majority(count) + 1) return
    let latest = this.#acceptor
    let { promised } = latest
    for (const state of this.#recalled.values()) {
      promised = maxBallot(promised, state.promised)
      if (compareBallots(state.accepted, latest.accepted) > 0) latest = state
    }
    promised = maxBallot(promised, { counter: clock.beyondEarlierLives(), node: '' })
    const { accepted, value } = latest
    this.#acceptor = { promised, accepted, value }
    this.#isLost = false
    this.#asked = this.#asked
      .then(() => this.#save(this.#acceptor))
      .catch(() => {
        this.#isLost = true
      })
    this.#log.info({}, 'what this node may have promised for the topology is known again')
  }

  #save(state: AcceptorState<Document>): Promise<void> {
    return this.#parts.state.set('acceptor', [...encodeAcceptor(state), this.#isLost])
  }
}

const LOST_PLACE = 3
const NOT_KNOWN = 'it is not known yet here what this node has promised'

function encodeAcceptor({ promised, accepted, value }: AcceptorState<Document>): Encodable[] {
  return [[...encodeBallot(promised)], [...encodeBallot(accepted)], value]
}

function decodeAcceptor(data: unknown): AcceptorState<Document> | undefined {
  if (!Array.isArray(data)) return undefined
  const [promised, accepted, value] = data as unknown[]
  return {
    promised: parseBallot(promised) ?? BALLOT_ZERO,
    accepted: parseBallot(accepted) ?? BALLOT_ZERO,
    value: typeof value === 'string' ? value : null,
  }
}
