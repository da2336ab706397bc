/**
 * Recalls the promises and votes of a voter whose directory is new or old. The voter may not vote before that.
 * Otherwise two majorities that share only this node could decide two different documents.
 *
 * It asks the voters of its newest document E what they have accepted in instance E+1. It waits until every majority,
 * with or without this node, contains a voter that answered. From then on these voters refuse all ballots below a
 * *floor*, because a late acceptance could complete a majority that this node has forgotten. This node refuses them
 * too, because it may have promised to. A voter that knows a later document says so, and this node catches up first: a
 * directory at document 1 does not vote in instance 2 if document 2 is decided.
 *
 * An earlier life may have known later documents and voted in the instances after them. If nobody has accepted anything
 * in instance E+1, then document E+1 was not decided at that time, so no earlier life knew it: nothing else is lost.
 * Otherwise this node votes in instance E+1, and recalls again once it has the next document.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { AcceptorState } from '../../core/consensus/acceptor.ts'
import { type Ballot, BALLOT_ZERO, compareBallots } from '../../core/consensus/ballot.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { RecallState } from '../identity/voter-state.ts'
import type { Peers } from '../peers/peers.ts'
import type { Document } from './topology-document.ts'
import type { TopologyKeeper } from './topology-keeper.ts'
import { RECALL } from '../wire/asks/topology-asks.ts'

const ASK_TIMEOUT_MS = 2000
const RETRY_INTERVAL_MS = 500

export interface TopologyRecallParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly isProven: () => boolean
  /** Makes the recalled state durable. */
  readonly take: (recalled: Recalled) => Promise<void>
}

/** What a voter that was asked has accepted in the instance. */
type Accepted = Pick<AcceptorState<Document>, 'accepted' | 'value'>

export interface Recalled {
  readonly instance: number
  /** No promise or acceptance of an earlier life lies above it. */
  readonly floor: Ballot
  /** The clock's reading when the floor was taken. */
  readonly readAt: Timestamp
  readonly replies: readonly Accepted[]
  /** Whether the state of all instances is known again. */
  readonly isComplete: boolean
}

type Floor = Pick<Recalled, 'floor' | 'readAt'>

interface Round extends Floor {
  readonly instance: number
  readonly replies: Map<string, Accepted>
  isEnding: boolean
}

export class TopologyRecall {
  readonly #timers: Timers
  readonly #parts: TopologyRecallParts
  #isLost: boolean
  #recalledUpTo: Timestamp
  /** While the state of other instances is lost: the only instance whose state is known again. */
  #knownInstance = 0
  #round: Round | undefined
  #floor: Floor | undefined
  #isRunning = false
  #isStopped = false

  constructor(timers: Timers, parts: TopologyRecallParts, { isLost, recalledUpTo }: RecallState) {
    this.#timers = timers
    this.#parts = parts
    this.#isLost = isLost
    this.#recalledUpTo = recalledUpTo ?? 0
  }

  get state(): RecallState {
    return { isLost: this.#isLost, recalledUpTo: this.#recalledUpTo }
  }

  /** Whether this node knows everything that it has ever said in the instance. */
  knows(instance: number): boolean {
    return !this.#isLost || this.#knownInstance === instance
  }

  /** Call after the network has started. Continues what an earlier start could not finish. */
  start(): void {
    if (this.#isLost && !this.#isRunning) this.#look()
  }

  stop(): void {
    this.#isStopped = true
  }

  /**
   * The state of an earlier life is lost; peers have heard of that life up to `heardUntil`. Starts a recall with a
   * floor above that time. False if a recall that covers it is complete or under way: then nothing else is lost.
   */
  lose(heardUntil: Timestamp): boolean {
    const underWay = this.#isLost ? (this.#floor?.readAt ?? 0) : 0
    if (heardUntil < Math.max(this.#recalledUpTo, underWay)) return false
    this.#isLost = true
    this.#knownInstance = 0
    this.#round = undefined
    this.#floor = undefined
    this.start()
    return true
  }

  #look(): void {
    this.#isRunning = this.#isLost && !this.#isStopped
    if (!this.#isRunning) return
    this.#timers.after(RETRY_INTERVAL_MS, () => this.#look())
    const { keeper, clock, isProven } = this.#parts
    const instance = keeper.epoch + 1
    // Before a majority has told about earlier lives, the floor could be too low.
    if (!isProven() || this.knows(instance)) return
    this.#floor ??= {
      readAt: clock.reading(),
      floor: { counter: clock.beyondEarlierLives(), node: '' },
    }
    if (this.#round?.instance !== instance) {
      this.#round = { instance, ...this.#floor, replies: new Map(), isEnding: false }
    }
    const round = this.#round
    for (const peer of this.#witnesses()) if (!round.replies.has(peer)) this.#ask(peer, round)
    this.#endIfEnough(round)
  }

  /**
   * The other voters. If this node is the only voter, nobody else has voted. Then all other members are asked whether
   * they know a later document. A document that none of them knows is gone, because the cluster must not stop for it.
   */
  #witnesses(): string[] {
    const { voters, members } = this.#parts.keeper.topology
    const others = voters.filter((id) => id !== this.#parts.self)
    if (others.length > 0) return others
    return members.map(({ id }) => id).filter((id) => id !== this.#parts.self)
  }

  #ask(peer: string, round: Round): void {
    const { peers, keeper, clock } = this.#parts
    const { instance, floor } = round
    const question = { instance, ballot: floor }
    peers.ask(peer, RECALL, question, clock.nowMs() + ASK_TIMEOUT_MS, (reply) => {
      if (reply.type === 'ok') {
        const { answer } = reply
        if (answer.type === 'promise') round.replies.set(peer, answer)
        this.#endIfEnough(round)
      } else if (reply.type === 'refused' && reply.code === 'stale_epoch') {
        if (keeper.epoch < instance) keeper.catchUp(peer, peers, () => undefined)
      }
    })
  }

  #endIfEnough(round: Round): void {
    const { keeper, take } = this.#parts
    const { voters } = keeper.topology
    const isOpen = round === this.#round && keeper.epoch + 1 === round.instance
    if (!isOpen || round.isEnding || this.knows(round.instance)) return
    const witnesses = this.#witnesses()
    const isOnlyVoter = witnesses.every((id) => !voters.includes(id))
    const required = isOnlyVoter ? witnesses.length : voters.length - majority(voters.length) + 1
    if (round.replies.size < required) return
    round.isEnding = true
    const replies = [...round.replies.values()]
    const isComplete = replies.every(({ accepted }) => compareBallots(accepted, BALLOT_ZERO) === 0)
    const { instance, floor, readAt } = round
    take({ instance, floor, readAt, replies, isComplete }).then(
      () => {
        if (round !== this.#round) return
        this.#knownInstance = round.instance
        this.#isLost = !isComplete
        if (isComplete) this.#recalledUpTo = readAt
      },
      // The disk failed, or a newer document has arrived: the next look tries again.
      () => {
        round.isEnding = false
      },
    )
  }
}
