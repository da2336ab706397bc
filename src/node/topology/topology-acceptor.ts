/**
 * This node as a voter: an acceptor of the Paxos instances that decide the topology documents (topology-register.ts).
 *
 * Instance E+1 decides the document that follows document E. There is one state, that of the instance after this node's
 * newest document, durable before each answer; a node that adopts a document has no say in its instance any more, and
 * begins the next with an empty state. An instance it has passed it refuses for ever, and the asker catches up.
 *
 * What a lost directory had promised is asked of the others first (topology-recall.ts).
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import {
  accept,
  type AcceptorReply,
  type AcceptorState,
  emptyAcceptor,
  prepare,
} from '../../core/consensus/acceptor.ts'
import { type Ballot, compareBallots, maxBallot, parseBallot } from '../../core/consensus/ballot.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Timers } from '../../ports/timers.ts'
import { encodeReply } from '../wire/acceptor-messages.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { NodeState } from '../identity/node-state.ts'
import { decodeVoter, encodeVoter, type Held, type RecallState } from '../identity/voter-state.ts'
import type { AnswerWith, Peers } from '../peers/peers.ts'
import type { Refusal } from '../wire/messages.ts'
import { type Document, parseTopology, type TopologyKeeper } from './topology-keeper.ts'
import { type Recalled, TopologyRecall } from './topology-recall.ts'

export interface TopologyAcceptorParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly state: NodeState
  readonly peers: Peers
  readonly clock: NodeClock
  /** Whether a majority has told this node of its earlier lives (arrival.ts). */
  readonly isProven: () => boolean
}

/** `recall`: a promise that is always given, for a voter that has lost its own state (topology-recall.ts). */
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
  #isStopped = false
  /** Questions one after the other: the state is durable before the next. */
  #asked: Promise<unknown> = Promise.resolve()

  constructor(ports: { timers: Timers; log: Log }, parts: TopologyAcceptorParts) {
    this.#log = ports.log
    this.#timers = ports.timers
    this.#parts = parts
    const { held, ...recall } = decodeVoter(parts.state.get('acceptor'))
    this.#held = held
    const take = (recalled: Recalled): Promise<void> => this.#takeRecalled(recalled)
    this.#recall = new TopologyRecall(ports.timers, { ...parts, take }, recall)
  }

  /** The network has been started: goes on to recall what an earlier start could not. */
  start(): void {
    this.#recall.start()
  }

  stop(): void {
    this.#isStopped = true
    this.#recall.stop()
  }

  /**
   * It has turned out that this directory lacks what an earlier life of the node has done, which was heard up to
   * `heardUntil`. Resolves once that is durable, and rejects where this node stops first: then it has to be found out again
   * at the next start.
   */
  async lose(heardUntil: Timestamp): Promise<void> {
    if (!this.#recall.lose(heardUntil)) return
    this.#log.warn({}, LOST)
    for (;;) {
      try {
        await this.#inTurn(() => this.#save(this.#held))
        return
      } catch (error) {
        // A full disk, for one, takes it later.
        if (this.#isStopped) throw error
        await new Promise<void>((resolve) => void this.#timers.after(RETRY_INTERVAL_MS, resolve))
      }
    }
  }

  /** Answers a question of a peer, after the state is durable. */
  handle(
    from: string,
    kind: TopologyQuestion['kind'],
    body: readonly Encodable[],
    answer: AnswerWith,
  ): void {
    const question = parseQuestion(kind, body)
    if (question === undefined) {
      answer('bad_message', 'not a question about a topology document')
      return
    }
    if (this.#parts.clock.isTooFarAhead(question.ballot.counter)) {
      answer('clock_drift', 'the ballot is too far ahead')
      return
    }
    const vote = (): void => {
      this.ask(question).then(
        (reply) => {
          if ('code' in reply) answer(reply.code, reply.message)
          else answer('ok', ...encodeReply(reply, (value) => value))
        },
        (error: unknown) => answer('failed', String(error)),
      )
    }
    // Who asks about a later instance has the document that comes before it.
    if (question.instance > this.#parts.keeper.epoch + 1) this.#parts.keeper.catchUp(from, vote)
    else vote()
  }

  /** Rejects where the state cannot be stored: it may be, or may not be. */
  ask(question: TopologyQuestion): Promise<AcceptorReply<Document> | Refusal> {
    const { kind, instance, ballot } = question
    return this.#inTurn(async () => {
      // Judged now, not when it came: the document may have come in between.
      const refusal = this.#refusal(question)
      if (refusal !== undefined) return refusal
      const before = this.#stateIn(instance)
      const { state, reply } =
        kind === 'accept'
          ? accept(before, ballot, question.document)
          : kind === 'prepare'
            ? prepare(before, ballot)
            : recall(before, ballot)
      // One question at a time: an unchanged state is durable already.
      if (state !== before) {
        const held = { instance, state }
        await this.#save(held)
        this.#held = held
      }
      // What became durable too late to be said counts for whoever asks as what may have been done.
      return this.#refusal(question) === undefined ? reply : OVERTAKEN
    })
  }

  #refusal({ kind, instance }: TopologyQuestion): Refusal | undefined {
    const { self, keeper, isProven } = this.#parts
    const { epoch, voters } = keeper.topology
    if (epoch >= instance) {
      return { code: 'stale_epoch', message: `the document of epoch ${instance} is decided` }
    }
    if (epoch + 1 < instance) {
      const message = `the document of epoch ${instance - 1} could not be fetched`
      return { code: 'not_ready', message }
    }
    // The directory has lost a document under which it had already voted (a write that failed, a state that did not).
    const hasVotedLater = this.#held.instance > instance
    if (hasVotedLater || !this.#recall.knows(instance) || !isProven()) {
      const message = 'it is not known yet here what this node has promised'
      return { code: 'not_ready', message }
    }
    if (kind !== 'recall' && !voters.includes(self)) {
      return { code: 'not_ready', message: `${self} does not vote on the document of ${instance}` }
    }
    return undefined
  }

  /**
   * A state is of one instance. But one stored by a version in which all documents were the value of a single register
   * names no instance: what it had accepted may be decided, though it is known here as such by nobody, and is voted on
   * in the instances up to its own. All its members were acceptors, so a majority of the voters has one of any majority
   * that took it while there are no more than six members; in larger clusters every node has to know the newest
   * document before that version is replaced. Where the value is known here already nothing is left to be kept.
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
      // No life that follows is heard to say less than this one has recalled up to.
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
const LOST = 'what this node had promised for the topology is lost, and is asked of the others'
const FOUND = 'what this node may have promised for the topology is known again'
const OVERTAKEN: Refusal = {
  code: 'failed',
  message: 'the document of that epoch was decided meanwhile, or the directory found to be lost',
}

/** As a `prepare` that is never refused: it does not matter to who recalls if others have promised more. */
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

function parseQuestion(
  kind: TopologyQuestion['kind'],
  [instance, encodedBallot, document]: readonly Encodable[],
): TopologyQuestion | undefined {
  const ballot = parseBallot(encodedBallot)
  if (typeof instance !== 'number' || ballot === undefined) return undefined
  if (kind !== 'accept') return { kind, instance, ballot }
  return typeof document === 'string' ? { kind, instance, ballot, document } : undefined
}
