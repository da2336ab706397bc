/**
 * Recalls what a node whose directory is new, or an old one, has said as a voter: it may not vote from a state that
 * lacks it, for two majorities that share only this node would share nobody.
 *
 * It asks the voters of its newest document E for what they have accepted in instance E+1, so many that one of them was
 * in any majority, with this node or without it. They refuse from then on what this node may have accepted before (a
 * late acceptance would make a majority with one that is forgotten here), and it refuses what it may have promised not
 * to take. Who is further tells it so, and it catches up first: a directory that knows document 1 has no say in
 * instance 2 where document 2 is decided.
 *
 * An earlier life may have known later documents, and voted on what follows them. Where nobody has accepted anything in
 * instance E+1, document E+1 was not decided when it was asked, so no earlier life knew it: then nothing else is
 * lost. Otherwise this node votes in instance E+1, and recalls again when it has the next document.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { AcceptorState } from '../../core/consensus/acceptor.ts'
import {
  type Ballot,
  BALLOT_ZERO,
  compareBallots,
  encodeBallot,
} from '../../core/consensus/ballot.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Timers } from '../../ports/timers.ts'
import { decodeReply } from '../wire/acceptor-messages.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { RecallState } from '../identity/voter-state.ts'
import type { Peers } from '../peers/peers.ts'
import { asDocument, type Document, type TopologyKeeper } from './topology-keeper.ts'

const ASK_TIMEOUT_MS = 2000
const RETRY_INTERVAL_MS = 500

export interface TopologyRecallParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly isProven: () => boolean
  /** Makes durable what was recalled. */
  readonly take: (recalled: Recalled) => Promise<void>
}

/** What a witness has accepted in the instance. */
type Accepted = Pick<AcceptorState<Document>, 'accepted' | 'value'>

export interface Recalled {
  readonly instance: number
  /** Nothing that an earlier life has promised or accepted lies above it. */
  readonly floor: Ballot
  /** What the clock read when the floor was taken. */
  readonly readAt: Timestamp
  readonly replies: readonly Accepted[]
  /** Whether nothing is lost any more, of whatever instance. */
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
  /** Of what is lost, this instance is known again. */
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

  /** Whether all that this node has ever said in the instance is known. */
  knows(instance: number): boolean {
    return !this.#isLost || this.#knownInstance === instance
  }

  /** The network has been started: goes on where an earlier start could not end. */
  start(): void {
    if (this.#isLost && !this.#isRunning) this.#look()
  }

  stop(): void {
    this.#isStopped = true
  }

  /**
   * What an earlier life has said is lost, of which somebody has heard up to `heardUntil`: begins anew, with a floor above
   * that. False where a recall has been made since, or is under way: nothing else is lost then.
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
    // Before a majority has told of earlier lives, the floor could be too low.
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
   * The other voters. What the only voter has decided nobody else has voted on: then the others are asked whether they
   * have heard of it, every one of them; what none has heard of is gone, and the cluster must not stand still for it.
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
    const question = [instance, [...encodeBallot(floor)]]
    peers.ask(peer, 'recall', question, clock.nowMs() + ASK_TIMEOUT_MS, (answer) => {
      if (answer.type === 'ok') {
        const reply = decodeReply(floor, answer.body, asDocument)
        if (reply?.type === 'promise') round.replies.set(peer, reply)
        this.#endIfEnough(round)
      } else if (answer.type === 'refused' && answer.code === 'stale_epoch') {
        if (keeper.epoch < instance) keeper.catchUp(peer, () => undefined)
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
      // The disk failed, or there is a newer document by now: the next look tries again.
      () => {
        round.isEnding = false
      },
    )
  }
}
