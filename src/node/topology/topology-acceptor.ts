/**
 * This node as a voter: an acceptor of the Paxos instances that decide the topology documents (topology-register.ts).
 *
 * Instance E+1 decides the document that follows document E. A voter keeps the state of one instance: the one after its
 * newest document. When it adopts a document, it leaves that instance and starts the next one with an empty state. It
 * refuses older instances for ever, and the asker then fetches the newer document.
 *
 * Invariants: the state is durable before each answer, and a voter never lowers its promise within an instance.
 *
 * If the directory was lost, its promises are recalled from the other voters first (topology-recall.ts).
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import {
  accept,
  type AcceptorReply,
  type AcceptorState,
  emptyAcceptor,
  prepare,
} from '../../core/consensus/acceptor.ts'
import { type Ballot, compareBallots, maxBallot } from '../../core/consensus/ballot.ts'
import type { Log } from '../../ports/log.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import { decodeVoter, encodeVoter, type Held, type RecallState } from '../identity/voter-state.ts'
import type { Asker } from '../peers/ask-handlers.ts'
import type { Peers } from '../peers/peers.ts'
import type { VoteAnswer } from '../wire/asks/topology-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import { whyNotProposable } from './next-document.ts'
import { type Document, encodeTopology, parseTopology } from './topology-document.ts'
import type { TopologyKeeper } from './topology-keeper.ts'
import { type Recalled, TopologyRecall } from './topology-recall.ts'

export interface TopologyAcceptorParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly state: NodeState
  readonly peers: Peers
  readonly clock: NodeClock
  /** Whether a majority has told this node about its earlier lives (arrival.ts). */
  readonly isProven: () => boolean
  /** Called for each member that a new document adds, if this life of the node has voted for the document. */
  readonly joined: (member: string) => void
}

/** `recall`: a prepare that no promise can refuse, for a voter that has lost its state (topology-recall.ts). */
export type TopologyQuestion =
  | { readonly kind: 'prepare' | 'recall'; readonly instance: number; readonly ballot: Ballot }
  | {
      readonly kind: 'accept'
      readonly instance: number
      readonly ballot: Ballot
      readonly document: Document
    }

export class TopologyAcceptor {
  readonly #log: Log
  readonly #timers: Timers
  readonly #parts: TopologyAcceptorParts
  readonly #recall: TopologyRecall
  #held: Held
  /** The last document that this life of the node has accepted. */
  #accepted: Document | undefined
  #isStopped = false
  /** Runs questions one at a time: the state is durable before the next one. */
  #asked: Promise<unknown> = Promise.resolve()

  constructor(ports: { timers: Timers; log: Log }, parts: TopologyAcceptorParts) {
    this.#log = ports.log
    this.#timers = ports.timers
    this.#parts = parts
    const { held, ...recall } = decodeVoter(parts.state.get('acceptor'))
    this.#held = held
    const take = (recalled: Recalled): Promise<void> => this.#takeRecalled(recalled)
    this.#recall = new TopologyRecall(ports.timers, { ...parts, take }, recall)
    parts.keeper.adopting.listen(({ members: before }, next) => {
      if (encodeTopology(next) !== this.#accepted) return
      const ids = new Set(before.map(({ id }) => id))
      for (const { id } of next.members) if (!ids.has(id)) parts.joined(id)
    })
  }

  /** Call after the network has started. Continues a recall that an earlier start could not finish. */
  start(): void {
    this.#recall.start()
  }

  stop(): void {
    this.#isStopped = true
    this.#recall.stop()
  }

  /**
   * Records that this directory lacks votes of an earlier life. `heardUntil`: the last time at which peers have heard
   * from such a life. Resolves once the loss is on disk. Rejects if this node stops first; the next start then detects
   * the loss again.
   */
  async lose(heardUntil: Timestamp): Promise<void> {
    if (!this.#recall.lose(heardUntil)) return
    this.#log.warn({}, LOST)
    for (;;) {
      try {
        await this.#inTurn(() => this.#save(this.#held))
        return
      } catch (error) {
        // The disk may be full, for example, and take it later.
        if (this.#isStopped) throw error
        await new Promise<void>((resolve) => void this.#timers.after(RETRY_INTERVAL_MS, resolve))
      }
    }
  }

  /** Answers a question of a peer once the state is durable. */
  handle(question: TopologyQuestion, asker: Asker<VoteAnswer>): void {
    if (this.#parts.clock.isTooFarAhead(question.ballot.counter)) {
      asker.refuse({ code: 'clock_drift', message: 'the ballot is too far ahead' })
      return
    }
    const vote = (): void => {
      this.ask(question).then(
        (reply) => {
          if ('code' in reply) asker.refuse(reply)
          else asker.answer(reply)
        },
        (error: unknown) => asker.refuse({ code: 'failed', message: String(error) }),
      )
    }
    // A peer that asks about a later instance has the document before that instance, so fetch it first.
    const { keeper, peers } = this.#parts
    if (question.instance > keeper.epoch + 1) keeper.catchUp(asker.node, peers, vote)
    else vote()
  }

  /** Rejects if the state could not be stored. It may have reached the disk all the same. */
  ask(question: TopologyQuestion): Promise<AcceptorReply<Document> | Refusal> {
    const { kind, instance, ballot } = question
    return this.#inTurn(async () => {
      // Judge the question here, not on arrival: this node may have adopted the document in the meantime.
      const refusal = this.#refusal(question)
      if (refusal !== undefined) return refusal
      const before = this.#stateIn(instance)
      const { state, reply } =
        kind === 'accept'
          ? accept(before, ballot, question.document)
          : kind === 'prepare'
            ? prepare(before, ballot)
            : recall(before, ballot)
      const isKept = compareBallots(state.promised, before.promised) >= 0
      assert(isKept, 'a voter never lowers its promise')
      assert(instance >= this.#held.instance, 'a voter never goes back to an earlier instance')
      // Questions run one at a time, so an unchanged state is durable already.
      if (state !== before) {
        const held = { instance, state }
        await this.#save(held)
        this.#held = held
      }
      if (kind === 'accept' && reply.type === 'accepted') this.#accepted = question.document
      // If this node has moved on while the state was stored, the asker must count the question as possibly done.
      return this.#refusal(question) === undefined ? reply : OVERTAKEN
    })
  }

  #refusal(question: TopologyQuestion): Refusal | undefined {
    const { kind, instance } = question
    const { self, keeper, isProven } = this.#parts
    const { epoch, voters, members } = keeper.topology
    if (epoch >= instance) {
      return { code: 'stale_epoch', message: `the document of epoch ${instance} is decided` }
    }
    if (epoch + 1 < instance) {
      const message = `the document of epoch ${instance - 1} could not be fetched`
      return { code: 'not_ready', message }
    }
    // A directory can lack a document and still hold a later vote: the write of the document failed, that of the vote
    // did not.
    const hasVotedLater = this.#held.instance > instance
    if (hasVotedLater || !this.#recall.knows(instance)) {
      const message = `${self} does not know yet what it promised before its restart`
      return { code: 'not_ready', message }
    }
    if (!isProven()) {
      const ids = members.map(({ id }) => id).join(', ')
      const message = `since its start it has not heard from a majority of the members ${ids}: start them`
      return { code: 'not_ready', message }
    }
    if (kind === 'accept') {
      const reason = whyNotProposable(keeper.topology, parseTopology(question.document))
      if (reason !== undefined) return { code: 'not_ready', message: reason }
    }
    if (kind !== 'recall' && !voters.includes(self)) {
      return {
        code: 'not_ready',
        message: `${self} is not a voter for the document of epoch ${instance}`,
      }
    }
    return undefined
  }

  /**
   * The state in which this voter enters the instance. It is empty, unless the stored state belongs to that instance.
   *
   * One exception: an older version decided all documents in a single register, and its stored state names no instance.
   * The value in that state may be decided although no node knows that. So this voter offers the value in each
   * instance, until the value's document is known here.
   *
   * In that version all members were acceptors. With up to six members, every majority of the voters shares a node with
   * every majority that accepted the value. In a larger cluster every node must know the newest document before that
   * version is replaced.
   */
  #stateIn(instance: number): AcceptorState<Document> {
    const { instance: own, state } = this.#held
    if (own === instance) return state
    const isOpen = state.value !== null && parseTopology(state.value).epoch >= instance
    return isOpen ? state : emptyAcceptor()
  }

  #takeRecalled({ instance, floor, readAt, replies, isComplete }: Recalled): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#parts.keeper.epoch + 1 !== instance || this.#held.instance > instance) {
        throw new Error(`instance ${instance} is not the present one`)
      }
      let { promised, accepted, value } = this.#stateIn(instance)
      for (const reply of replies) {
        if (compareBallots(reply.accepted, accepted) > 0) ({ accepted, value } = reply)
      }
      promised = maxBallot(maxBallot(promised, floor), accepted)
      const held = { instance, state: { promised, accepted, value } }
      // Raise the clock before `recalledUpTo` is stored. Every later life then sends higher timestamps, so the loss of
      // a later life is never taken for this loss (`TopologyRecall.lose`).
      if (isComplete) await this.#parts.clock.raisedTo(readAt)
      const { recalledUpTo = 0 } = this.#recall.state
      await this.#save(
        held,
        isComplete ? { isLost: false, recalledUpTo: readAt } : { isLost: true, recalledUpTo },
      )
      this.#held = held
      this.#log.info({ instance, isComplete }, FOUND)
    })
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#asked.then(act)
    this.#asked = result.catch(() => undefined)
    return result
  }

  #save(held: Held, recall: RecallState = this.#recall.state): Promise<void> {
    return this.#parts.state.set('acceptor', encodeVoter(held, recall))
  }
}

const RETRY_INTERVAL_MS = 500
const LOST = 'the promises of this voter are lost and are being recalled from the other voters'
const FOUND = 'the promises of this voter have been recalled'
const OVERTAKEN: Refusal = {
  code: 'failed',
  message:
    'the document of that epoch was decided in the meantime, or this voter lost its promises',
}

/**
 * Like a `prepare`, but no promise refuses it: the recall needs the accepted value even if a higher ballot was
 * promised.
 */
function recall(
  state: AcceptorState<Document>,
  ballot: Ballot,
): { state: AcceptorState<Document>; reply: AcceptorReply<Document> } {
  const { accepted, value } = state
  const promised = maxBallot(state.promised, ballot)
  return {
    state: promised === state.promised ? state : { promised, accepted, value },
    reply: { type: 'promise', ballot, accepted, value },
  }
}
