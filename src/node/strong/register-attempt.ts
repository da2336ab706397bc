/**
 * One attempt to decide a value of a strong key. It sends the messages of core/consensus/proposer.ts to the owners, and
 * passes their answers to that proposer. If this node is an owner, its own acceptor is asked without a message.
 */
import { assert } from '../../core/assert.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Ballot } from '../../core/consensus/ballot.ts'
import { Proposer, type ProposerResult } from '../../core/consensus/proposer.ts'
import type { RegisterRound } from '../../core/consensus/register.ts'
import type { OwnerGroups } from '../../core/quorum/owner-groups.ts'
import type { SpanParent } from '../../ports/tracer.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Copy } from '../wire/object-record.ts'
import { copyIn } from '../round/received-copies.ts'
import type { Peers } from '../peers/peers.ts'
import type { Reply } from '../peers/reply.ts'
import type { PendingDot } from '../replica/pending-dots.ts'
import type { RegisterAcceptor, RegisterReply } from './register-acceptor.ts'
import type { Location, Replica } from '../replica/replica.ts'
import { effectOfRefusal } from '../wire/effect.ts'
import type { Refusal } from '../wire/messages.ts'
import type { PlacedRequest, ReplicaReports } from '../round/placed-request.ts'
import { type ReplyTakers, runProposer } from '../peers/run-proposer.ts'
import { keyRequest } from '../wire/asks/copy-asks.ts'
import {
  REGISTER_ACCEPT,
  REGISTER_PREPARE,
  type RegisterAnswer,
} from '../wire/asks/register-asks.ts'

export interface AttemptParts {
  readonly self: string
  readonly acceptor: RegisterAcceptor
  readonly replica: Replica
  readonly peers: Peers
  readonly clock: NodeClock
  readonly deadlines: Deadlines
}

export interface AttemptPlan {
  readonly at: Location
  readonly groups: OwnerGroups
  /** The version of the placement that the groups belong to. Acceptors under another one refuse the attempt. */
  readonly placementVersion: number
  readonly ballot: Ballot
  readonly deadlineMs: number
  /** Each message under way holds it, so that the horizon stays below the attempt. The caller releases its own hold. */
  readonly hold: PendingDot
  readonly reports: ReplicaReports
  /** The span of one of the requests that it serves, if one is traced. */
  readonly span: SpanParent | undefined
}

export type AttemptResult = ProposerResult<Copy, RegisterRound>
type Takers = ReplyTakers<Copy>

/** The outcome of the change, and the value that it proposes: with its ballot, encoded. */
export interface Proposal {
  readonly round: RegisterRound
  readonly copy: Copy
}

export class RegisterAttempt {
  readonly ballot: Ballot
  readonly hold: PendingDot
  readonly reports: ReplicaReports
  /** Undefined until the current value is known. */
  proposal: Proposal | undefined
  readonly #parts: AttemptParts
  readonly #plan: AttemptPlan

  constructor(parts: AttemptParts, plan: AttemptPlan) {
    this.#parts = parts
    this.#plan = plan
    this.ballot = plan.ballot
    this.hold = plan.hold
    this.reports = plan.reports
  }

  /**
   * `known`: the current value, if a majority has promised the ballot with it (leases.ts). Rejects with what `change`
   * throws; nothing was proposed then.
   */
  run(
    change: (current: StoredObject | null) => Proposal,
    known: Copy | undefined,
  ): Promise<AttemptResult> {
    const proposer = new Proposer<Copy, RegisterRound>({
      groups: this.#plan.groups,
      ballot: this.ballot,
      known: known && { value: known },
      change: (current) => {
        const { round, copy } = change(current?.object ?? null)
        this.proposal = { round, copy }
        return { changed: round.changed, value: copy, result: round }
      },
    })
    const { deadlines } = this.#parts
    return runProposer(
      proposer,
      (to, { type }, takers) => this.#ask(to, type, takers),
      (delayMs, task) => deadlines.in(delayMs, task),
    )
  }

  /**
   * The proposer's message is not sent as it is: its value lacks this ballot if nothing has changed. An accept always
   * sends the encoded proposal instead.
   */
  #ask(to: string, type: 'prepare' | 'accept', takers: Takers): void {
    this.hold.hold()
    if (to === this.#parts.self) this.#askSelf(type, takers)
    else this.#askPeer(to, type, takers)
  }

  #askSelf(type: 'prepare' | 'accept', takers: Takers): void {
    const { acceptor, self } = this.#parts
    const { at, placementVersion } = this.#plan
    const take = (reply: RegisterReply | undefined, refusal: Refusal | undefined): void => {
      this.hold.release()
      if (reply === undefined) this.#refused(self, refusal as Refusal, takers)
      else this.#replied(self, reply, takers)
    }
    if (type === 'prepare') acceptor.prepare(at, placementVersion, this.ballot, take)
    else acceptor.accept(at, placementVersion, this.#proposed(), take)
  }

  #askPeer(to: string, type: 'prepare' | 'accept', takers: Takers): void {
    const { peers } = this.#parts
    const { at, placementVersion, deadlineMs, span } = this.#plan
    const take = (reply: Reply<RegisterAnswer>): void => this.#peerReplied(to, type, reply, takers)
    if (type === 'prepare') {
      const request = { ...keyRequest(at), placementVersion, ballot: this.ballot }
      peers.ask(to, REGISTER_PREPARE, request, deadlineMs, take, span)
    } else {
      const { record } = this.#proposed()
      const request = { ...keyRequest(at), placementVersion, record }
      peers.ask(to, REGISTER_ACCEPT, request, deadlineMs, take, span)
    }
  }

  #proposed(): Copy {
    assert(this.proposal !== undefined, 'the value is computed before it is proposed')
    return this.proposal.copy
  }

  #peerReplied(
    from: string,
    type: 'prepare' | 'accept',
    reply: Reply<RegisterAnswer>,
    takers: Takers,
  ): void {
    if (reply.type === 'lost') this.#releaseLate()
    else this.hold.release()
    if (reply.type === 'ok') this.#answered(from, reply.answer, takers)
    else if (reply.type === 'refused') this.#refusedByPeer(from, reply, type, takers)
    else {
      this.reports.setReply(from, reply)
      if (reply.type === 'unsent') takers.unsent()
      else takers.lost()
    }
  }

  #answered(from: string, answer: RegisterAnswer, takers: Takers): void {
    const { ballot } = this
    if (answer.type !== 'promise' || answer.value === null) {
      this.#replied(from, { ...answer, ballot } as RegisterReply, takers)
      return
    }
    const value = copyIn(this.#parts.replica, answer.value)
    if (value !== undefined) this.#replied(from, { ...answer, ballot, value }, takers)
    else {
      this.reports.set(from, 'error', 'a damaged record')
      takers.lost()
    }
  }

  /**
   * Releases the hold of a message that may still be in flight. An acceptor may take the message until the deadline has
   * passed by its own clock, which may be behind.
   */
  #releaseLate(): void {
    const { clock, deadlines } = this.#parts
    const leftMs = clock.leftMs(this.#plan.deadlineMs)
    deadlines.in(leftMs + clock.maxDriftMs, () => this.hold.release())
  }

  #replied(from: string, reply: RegisterReply, takers: Takers): void {
    this.reports.set(from, 'ok')
    takers.replied(reply)
  }

  /** A peer may refuse an accept and take it later, because the network may deliver the message twice. */
  #refusedByPeer(from: string, refusal: Refusal, type: 'prepare' | 'accept', takers: Takers): void {
    this.#refused(from, refusal, type === 'accept' ? { ...takers, unsent: takers.lost } : takers)
  }

  #refused(from: string, refusal: Refusal, takers: Takers): void {
    this.reports.set(from, 'refused', `${refusal.code}: ${refusal.message}`)
    if (effectOfRefusal(refusal) === 'none') takers.unsent()
    else takers.lost()
  }
}

/** The first span among those of the requests. An attempt serves all of them, and is traced once. */
export function spanOf(requests: readonly { placed: PlacedRequest }[]): SpanParent | undefined {
  for (const { placed } of requests) if (placed.span !== undefined) return placed.span
  return undefined
}
