/**
 * Sends one copy of a write to its targets, and records the result of each request in the round
 * (core/replication/write-round.ts). If an owner missed the copy, this node keeps a hint for it.
 */
import type { WriteAsk } from '../../core/quorum/joint-tally.ts'
import type { ReplyKind } from '../../core/quorum/tally.ts'
import {
  asOwner,
  type StandIn,
  type HeldBefore,
  type WriteRound,
} from '../../core/replication/write-round.ts'
import { effectOf, type Reply } from '../peers/reply.ts'
import type { PlacedRequest, ReplicaReports } from '../round/placed-request.ts'
import type { NoFields } from '../wire/asks/ask-format.ts'
import { APPLY } from '../wire/asks/copy-asks.ts'
import { HINT } from '../wire/asks/hint-asks.ts'
import type { Copy } from '../wire/object-record.ts'
import { type Effect, effectOfRefusal } from '../wire/effect.ts'
import type { StoreLocally } from './own-store.ts'
import type { WholeOwners } from './whole-owners.ts'
import type { WriteParts } from './write-parts.ts'

export interface Outgoing {
  readonly copy: Copy
  /** Flags of the `apply` message to the other owners. */
  readonly flags: number
  readonly whole: WholeOwners
  /** Stores the copy on this node's disk. If undefined, the copy is merged into this node's own copy instead. */
  readonly storeLocally: StoreLocally | undefined
}

export interface SentCopy {
  readonly placed: PlacedRequest
  readonly outgoing: Outgoing
  readonly round: WriteRound
  readonly reports: ReplicaReports
}

export interface FanoutEnds {
  /** Called after each event of the round. The round may have been settled by this event or an earlier one. */
  readonly progress: () => void
  /** Called once, when the round is settled and every request of it has ended. */
  readonly over: () => void
}

export class CopyFanout {
  readonly #parts: WriteParts
  readonly #sent: SentCopy
  readonly #ends: FanoutEnds

  constructor(parts: WriteParts, sent: SentCopy, ends: FanoutEnds) {
    this.#parts = parts
    this.#sent = sent
    this.#ends = ends
  }

  start(): void {
    const { self, peers, replica, clock } = this.#parts
    const { placed, outgoing, round, reports } = this.#sent
    const { at, deadlineMs, span } = placed
    const { copy, flags } = outgoing
    const { targets } = round.plan
    const request = { bucket: at.bucket.name, key: at.key, record: copy.record, flags }
    for (const owner of targets.owners) {
      const take = (reply: Reply<HeldBefore>): void => this.#ownerReplied(owner, reply)
      peers.ask(owner, APPLY, request, deadlineMs, take, span)
    }
    // Do this before the disk is asked: it may answer at once and end the request, and the answer names every owner.
    for (const { owner } of targets.standIns) reports.setUnasked(owner, clock)
    for (const owner of targets.missed) reports.setUnasked(owner, clock)
    if (targets.storesHere) {
      const mergeHere: StoreLocally = (done) =>
        replica.apply(at, copy, flags, (_applied, refusal) => done(refusal))
      const store = outgoing.storeLocally ?? mergeHere
      store((refusal) => {
        if (refusal !== undefined) reports.set(self, 'error', refusal.message)
        this.#record(
          asOwner(self),
          refusal === undefined ? 'stored' : kindOf(effectOfRefusal(refusal)),
        )
      })
    }
    for (const standIn of targets.standIns) this.#askStandIn(standIn)
    this.#after()
  }

  /** The deadline has passed: settles the round with the answers so far. */
  expire(): void {
    this.#sent.round.expire()
    this.#after()
  }

  #ownerReplied(owner: string, reply: Reply<HeldBefore>): void {
    if (reply.type === 'ok') {
      this.#record(asOwner(owner), 'stored', reply.answer)
      return
    }
    this.#sent.reports.setReply(owner, reply)
    this.#record(asOwner(owner), kindOf(effectOf(reply)))
  }

  #askStandIn({ owner, holder }: StandIn): void {
    const { self, peers, hints, replica } = this.#parts
    const { placed, outgoing, reports } = this.#sent
    const { at, deadlineMs, span } = placed
    const { copy } = outgoing
    const ask = { node: holder, owner }
    if (holder === self) {
      hints.keep(owner, at, copy, replica.closed, (refusal) => {
        if (refusal === undefined) this.#record(ask, 'hinted')
        else this.#record(ask, refusal === 'dropped' ? 'refused' : kindOf(effectOfRefusal(refusal)))
      })
      return
    }
    const request = { owner, bucket: at.bucket.name, key: at.key, record: copy.record }
    const take = (reply: Reply<NoFields>): void => {
      if (reply.type !== 'ok') reports.setReply(holder, reply)
      this.#record(ask, reply.type === 'ok' ? 'hinted' : kindOf(effectOf(reply)))
    }
    peers.ask(holder, HINT, request, deadlineMs, take, span)
  }

  #record(ask: WriteAsk, kind: ReplyKind, heldBefore?: HeldBefore): void {
    const { reports, round } = this.#sent
    if (kind === 'stored') reports.set(ask.node, 'ok')
    else if (kind === 'hinted') reports.set(ask.node, 'hinted')
    round.record(ask, kind, heldBefore)
    this.#after()
  }

  #after(): void {
    const { placed, outgoing, round } = this.#sent
    const { hints, replica } = this.#parts
    for (const owner of round.takeOwed()) {
      hints.keep(owner, placed.at, outgoing.copy, replica.closed, () => undefined)
    }
    if (round.takeEnd()) this.#ends.over()
    this.#ends.progress()
  }
}

/** The reply that a round counts, if there was no answer. */
function kindOf(effect: Effect): ReplyKind {
  return effect === 'none' ? 'refused' : 'lost'
}
