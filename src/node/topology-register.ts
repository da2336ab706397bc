/**
 * Decides changes of the topology document by consensus: one CASPaxos register (core/consensus) whose
 * acceptors are the members. A change is computed from the document decided before it, with the next epoch,
 * so there is one topology per epoch; without a majority of members nothing changes, and data goes on.
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
  ballotAbove,
  BALLOT_ZERO,
  encodeBallot,
  maxBallot,
  parseBallot,
} from '../core/consensus/ballot.ts'
import {
  type ChangeFunction,
  Proposer,
  type ProposerResult,
  type ProposerStep,
} from '../core/consensus/proposer.ts'
import { QuorateError } from '../core/errors.ts'
import type { Topology } from '../core/placement/topology.ts'
import type { Encodable } from '../ports/codec.ts'
import type { Random } from '../ports/random.ts'
import type { Timers } from '../ports/timers.ts'
import { decodeReply, encodeReply } from './acceptor-messages.ts'
import type { NodeClock } from './node-clock.ts'
import type { NodeState } from './node-state.ts'
import type { AnswerWith, Peers } from './peers.ts'
import { encodeTopology, parseTopology, type TopologyKeeper } from './topology-keeper.ts'

const ATTEMPTS_MAX = 20
const BACKOFF_MS_MAX = 100
const ANNOUNCE_TIMEOUT_MS = 500

/** The register holds documents as text; null is the first topology, which no one had to decide. */
type Document = string

export class TopologyRegister {
  readonly #self: string
  readonly #state: NodeState
  readonly #keeper: TopologyKeeper
  readonly #peers: Peers
  readonly #clock: NodeClock
  readonly #timers: Timers
  readonly #random: Random
  #acceptor: AcceptorState<Document>
  /** Questions to the own acceptor, one after the other: its state is durable before the next. */
  #asked: Promise<unknown> = Promise.resolve()
  #highest: Ballot = BALLOT_ZERO

  constructor(
    ports: { timers: Timers; random: Random },
    parts: {
      self: string
      state: NodeState
      keeper: TopologyKeeper
      peers: Peers
      clock: NodeClock
    },
  ) {
    this.#self = parts.self
    this.#state = parts.state
    this.#keeper = parts.keeper
    this.#peers = parts.peers
    this.#clock = parts.clock
    this.#timers = ports.timers
    this.#random = ports.random
    this.#acceptor = decodeAcceptor(parts.state.get('acceptor'))
  }

  /**
   * Decides a change of the document and makes it known. `change` gives undefined where the document is to
   * stay as it is; it may be called several times, and throws to refuse.
   */
  async change(
    change: (current: Topology) => Topology | undefined,
    timeoutMs: number,
  ): Promise<Topology> {
    const deadlineMs = this.#clock.nowMs() + timeoutMs
    // Null in the register stands for the first document; any node may know a decided one already.
    const apply: ChangeFunction<Document, undefined> = (current) => {
      const next = change(current === null ? this.#keeper.topology : parseTopology(current))
      return next === undefined
        ? { changed: false, result: undefined }
        : { changed: true, value: encodeTopology(next), result: undefined }
    }
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(apply, deadlineMs)
      if (result.type === 'decided') {
        if (result.value !== null) await this.#announce(result.value)
        return this.#keeper.topology
      }
      const late = this.#clock.nowMs() >= deadlineMs || attempt === ATTEMPTS_MAX
      if (result.type === 'conflict') this.#highest = maxBallot(this.#highest, result.seen)
      if (result.outcome === 'unknown' && late) {
        throw new QuorateError(
          'outcome_unknown',
          'the change of the topology may or may not be decided',
        )
      }
      // Trying again after *unknown* is safe: a change that was decided after all is found to be there.
      if (late || result.type === 'unreachable') throw unreachable(result)
      const backoffMs = 1 + this.#random.below(Math.min(BACKOFF_MS_MAX, 2 ** attempt))
      await new Promise<void>((resolve) => void this.#timers.after(backoffMs, resolve))
    }
  }

  /** Answers a `prepare` or `accept` of a peer, after the acceptor's state is durable. */
  handle(kind: 'prepare' | 'accept', body: readonly Encodable[], answer: AnswerWith): void {
    const ballot = parseBallot(body[0])
    const document = body[1] ?? null
    if (ballot === undefined || (document !== null && typeof document !== 'string')) {
      answer('bad_message', 'not a ballot')
      return
    }
    this.#askOwn(kind, ballot, document).then(
      (reply) => answer('ok', ...encodeReply(reply, (value) => value)),
      (error: unknown) => answer('failed', String(error)),
    )
  }

  #attempt(
    change: ChangeFunction<Document, undefined>,
    deadlineMs: number,
  ): Promise<ProposerResult<Document, undefined>> {
    const acceptors = this.#keeper.topology.members.map(({ id }) => id)
    this.#highest = maxBallot(this.#highest, this.#acceptor.promised)
    const ballot = ballotAbove(this.#highest, this.#self)
    this.#highest = ballot
    const proposer = new Proposer<Document, undefined>({ acceptors, ballot, change })
    return new Promise((resolve, reject) => {
      const step = (make: () => ProposerStep<Document, undefined>): void => {
        try {
          const { send, result } = make()
          for (const { to, message } of send) {
            const document = message.type === 'accept' ? message.value : null
            this.#ask(to, message.type, ballot, document, deadlineMs, {
              replied: (reply) => step(() => proposer.receive(to, reply)),
              unsent: () => step(() => proposer.unsent(to)),
              lost: () => step(() => proposer.lost(to)),
            })
          }
          if (result !== undefined) resolve(result)
        } catch (error) {
          // The change itself refused.
          reject(error as Error)
        }
      }
      step(() => proposer.start())
    })
  }

  #ask(
    to: string,
    kind: 'prepare' | 'accept',
    ballot: Ballot,
    document: Document | null,
    deadlineMs: number,
    on: { replied: (reply: AcceptorReply<Document>) => void; unsent: () => void; lost: () => void },
  ): void {
    if (to === this.#self) {
      this.#askOwn(kind, ballot, document).then(on.replied, on.lost)
      return
    }
    this.#peers.ask(to, kind, [[...encodeBallot(ballot)], document], deadlineMs, (reply) => {
      const decoded = reply.type === 'ok' ? decodeReply(ballot, reply.body, asDocument) : undefined
      if (decoded !== undefined) on.replied(decoded)
      else if (reply.type === 'unsent') on.unsent()
      else on.lost()
    })
  }

  #askOwn(
    kind: 'prepare' | 'accept',
    ballot: Ballot,
    document: Document | null,
  ): Promise<AcceptorReply<Document>> {
    const ask = async (): Promise<AcceptorReply<Document>> => {
      const step: AcceptorStep<Document, AcceptorReply<Document>> = kind === 'prepare'
        ? prepare(this.#acceptor, ballot)
        : accept(this.#acceptor, ballot, document)
      // One question at a time: an unchanged state is durable already.
      if (step.state !== this.#acceptor) {
        await this.#state.set('acceptor', encodeAcceptor(step.state))
        this.#acceptor = step.state
      }
      return step.reply
    }
    const result = this.#asked.then(ask)
    this.#asked = result.catch(() => undefined)
    return result
  }

  /**
   * Takes a decided document over here and tells the others, so that who asked for the change finds it at any
   * node in reach; those it does not reach meet the epoch later.
   */
  async #announce(document: Document): Promise<void> {
    await this.#keeper.adopt(document)
    const deadlineMs = this.#clock.nowMs() + ANNOUNCE_TIMEOUT_MS
    const others = this.#keeper.topology.members.filter(({ id }) => id !== this.#self)
    await Promise.all(
      others.map(({ id }) => this.#peers.request(id, 'decided', [document], deadlineMs)),
    )
  }
}

function unreachable(result: ProposerResult<Document, undefined>): QuorateError {
  const counts =
    result.type === 'unreachable' ? { required: result.required, received: result.received } : {}
  return new QuorateError(
    'quorum_unreachable',
    'a majority of the members is needed to change the topology',
    {
      ...counts,
      retryAfterSeconds: 1,
    },
  )
}

function encodeAcceptor({ promised, accepted, value }: AcceptorState<Document>): Encodable {
  return [[...encodeBallot(promised)], [...encodeBallot(accepted)], value]
}

function decodeAcceptor(data: Encodable | undefined): AcceptorState<Document> {
  if (!Array.isArray(data)) return emptyAcceptor()
  const [promised, accepted, value] = data as unknown[]
  return {
    promised: parseBallot(promised) ?? BALLOT_ZERO,
    accepted: parseBallot(accepted) ?? BALLOT_ZERO,
    value: typeof value === 'string' ? value : null,
  }
}

function asDocument(data: Encodable): Document | undefined {
  return typeof data === 'string' ? data : undefined
}
