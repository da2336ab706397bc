/**
 * Decides changes of the topology document by consensus: one CASPaxos register (core/consensus) whose
 * acceptors are the members. A change is computed from the document decided before it, with the next epoch,
 * so there is one topology per epoch; without a majority of members nothing changes, and data goes on.
 */
import { type Ballot, encodeBallot } from '../core/consensus/ballot.ts'
import { type ChangeFunction, Proposer, type ProposerResult } from '../core/consensus/proposer.ts'
import type { Timestamp } from '../core/causality/dot.ts'
import { QuorateError } from '../core/errors.ts'
import type { Topology } from '../core/placement/topology.ts'
import type { Encodable } from '../ports/codec.ts'
import type { Random } from '../ports/random.ts'
import type { Timers } from '../ports/timers.ts'
import { decodeReply } from './acceptor-messages.ts'
import { mintTimestamps } from './mint.ts'
import type { NodeClock } from './node-clock.ts'
import type { Peers } from './peers.ts'
import { type ReplyTakers, runProposer } from './run-proposer.ts'
import type { Document, TopologyAcceptor } from './topology-acceptor.ts'
import { encodeTopology, parseTopology, type TopologyKeeper } from './topology-keeper.ts'

const ATTEMPTS_MAX = 20
const BACKOFF_MS_MAX = 100
const ANNOUNCE_TIMEOUT_MS = 500

export class TopologyRegister {
  readonly #self: string
  readonly #acceptor: TopologyAcceptor
  readonly #keeper: TopologyKeeper
  readonly #peers: Peers
  readonly #clock: NodeClock
  readonly #timers: Timers
  readonly #random: Random

  constructor(
    ports: { timers: Timers; random: Random },
    parts: {
      self: string
      acceptor: TopologyAcceptor
      keeper: TopologyKeeper
      peers: Peers
      clock: NodeClock
    },
  ) {
    this.#self = parts.self
    this.#acceptor = parts.acceptor
    this.#keeper = parts.keeper
    this.#peers = parts.peers
    this.#clock = parts.clock
    this.#timers = ports.timers
    this.#random = ports.random
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
    let isDoubtful = false
    for (let attempt = 1; ; attempt++) {
      const [counter] = (await mintTimestamps(this.#clock, 1)) as [Timestamp]
      const result = await this.#attempt(apply, { counter, node: this.#self }, deadlineMs)
      if (result.type === 'decided') {
        if (result.value !== null) await this.#announce(result.value)
        return this.#keeper.topology
      }
      // A change that may have been accepted may be decided by anybody who comes later.
      isDoubtful ||= result.outcome === 'unknown'
      const isLate = this.#clock.nowMs() >= deadlineMs || attempt === ATTEMPTS_MAX
      if (isLate || result.type === 'unreachable') throw failure(result, isDoubtful)
      // Trying again is safe: a change that was decided after all is found to be there.
      const backoffMs = 1 + this.#random.below(Math.min(BACKOFF_MS_MAX, 2 ** attempt))
      await new Promise<void>((resolve) => void this.#timers.after(backoffMs, resolve))
    }
  }

  #attempt(
    change: ChangeFunction<Document, undefined>,
    ballot: Ballot,
    deadlineMs: number,
  ): Promise<ProposerResult<Document, undefined>> {
    const acceptors = this.#keeper.topology.members.map(({ id }) => id)
    const proposer = new Proposer<Document, undefined>({ acceptors, ballot, change })
    return runProposer(proposer, (to, message, takers) => {
      const document = message.type === 'accept' ? message.value : null
      this.#ask(to, message.type, ballot, document, deadlineMs, takers)
    })
  }

  #ask(
    to: string,
    kind: 'prepare' | 'accept',
    ballot: Ballot,
    document: Document | null,
    deadlineMs: number,
    on: ReplyTakers<Document>,
  ): void {
    if (to === this.#self) {
      this.#acceptor.ask(kind, ballot, document).then(on.replied, on.lost)
      return
    }
    this.#peers.ask(to, kind, [[...encodeBallot(ballot)], document], deadlineMs, (reply) => {
      const decoded = reply.type === 'ok' ? decodeReply(ballot, reply.body, asDocument) : undefined
      if (decoded !== undefined) on.replied(decoded)
      else if (reply.type === 'unsent') on.unsent()
      else if (reply.type === 'refused' && reply.code !== 'failed') on.unsent()
      else on.lost()
    })
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

function failure(result: ProposerResult<Document, undefined>, isDoubtful: boolean): QuorateError {
  if (isDoubtful) {
    const message = 'the change of the topology may or may not be decided'
    return new QuorateError('outcome_unknown', message)
  }
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

function asDocument(data: Encodable): Document | undefined {
  return typeof data === 'string' ? data : undefined
}
