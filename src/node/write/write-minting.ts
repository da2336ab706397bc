/**
 * Makes the first copy of a client's write: gives it a dot, and applies it to this node's own copy if this node is an
 * owner of the key. The result goes to this node's disk in the same turn of the event loop. So two writes of one key at
 * one node never miss each other, because nothing waits between finding the own copy and replacing it.
 *
 * Only an owner mints with its own actor. Any other node mints as a stand-in (stand-in-minting.ts), so that its dots
 * never cover a write that it has not seen.
 */
import type { Dot, Timestamp } from '../../core/causality/dot.ts'
import { liveSiblings, newestSibling } from '../../core/causality/stored-object.ts'
import { pruneVector } from '../../core/repair/horizon.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { APPLY_ASKS_WHOLE, APPLY_REPORT_UNCOVERED } from '../wire/asks/copy-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import { encodeCopy } from '../wire/object-record.ts'
import { type MintedCopy, StandInMinting } from './stand-in-minting.ts'
import {
  clockNotPersisted,
  MINT_ATTEMPTS_MAX,
  mintTimestamps,
  raiseBound,
} from '../identity/mint.ts'
import { modeOf } from '../replica/replica.ts'
import type { Entry } from '../storage/object-table.ts'
import type { PendingDot } from '../replica/pending-dots.ts'
import { type PlacedRequest, rejection, type ReplicaReports } from '../round/placed-request.ts'
import { refuseLongQueue } from '../replica/sibling-limits.ts'
import { CopyMaker } from './copy-maker.ts'
import { knownObject, type PlannedRequest } from './planned-request.ts'
import { dotsNeeded } from './type-change.ts'
import { startStoring, type StoreLocally } from './own-store.ts'
import { madeBefore, nameOfRequest } from './update-names.ts'
import type { WriteParts } from './write-parts.ts'
import { NOT_ASKED, type WholeOwners, wholeNeedOf } from './whole-owners.ts'
import { hasMoved, lateDisk } from './write-errors.ts'
import { refuseUncounted } from './write-targets.ts'

/** The first copy of a write, ready to be sent. */
export interface Minted extends MintedCopy {
  /** Whether this node's own copy had a live value before the write. */
  readonly existed: boolean
  /** Flags of the `apply` message to the other owners. */
  readonly flags: number
  readonly whole: WholeOwners
  /**
   * Undefined if the copy was not made on this node's own: then a node that keeps the key merges it (copy-fanout.ts).
   */
  readonly storeLocally: StoreLocally | undefined
  /** Held until the write has ended. */
  readonly pending: PendingDot
}

/** Receives the first copy, or an error. After an error nothing was stored. */
export interface MintEnd {
  readonly minted: (minted: Minted) => void
  readonly failed: (error: unknown) => void
}

interface Mint {
  readonly placed: PlacedRequest
  readonly request: PlannedRequest
  readonly reports: ReplicaReports
  readonly isGivenUp: () => boolean
}

export class WriteMinting {
  readonly #codec: Codec
  readonly #parts: WriteParts
  readonly #maker: CopyMaker
  readonly #standIn: StandInMinting
  /** How often this node has given up its actor since it started, mostly because a commit failed. */
  #actorsGivenUp = 0

  constructor(ports: { codec: Codec; log: Log; metrics: Metrics }, parts: WriteParts) {
    this.#codec = ports.codec
    this.#parts = parts
    this.#maker = new CopyMaker(ports, parts)
    this.#standIn = new StandInMinting(ports.codec, {
      timestamps: (count) => mintTimestamps(parts.clock, count),
      actor: () => this.actor,
      mayKeep: parts.mayKeep,
      make: (placed, held, dots, request) => this.#maker.make(placed, held, dots, request),
    })
  }

  /**
   * The actor of the next dot. It changes after a failed commit: the other owners may hold a write that this disk has
   * lost, and a later dot of the same actor would claim that this node still has that write.
   */
  get actor(): string {
    const { actor } = this.#parts
    return this.#actorsGivenUp === 0 ? actor : `${actor}.${this.#actorsGivenUp}`
  }

  /** Changes the actor, because this disk no longer holds every write of the current one. */
  giveUpActor(): void {
    this.#actorsGivenUp++
    this.#maker.actorChanged()
  }

  /** Calls `end` once. Stores nothing once `isGivenUp` is true. */
  mint(
    placed: PlacedRequest,
    request: PlannedRequest,
    reports: ReplicaReports,
    isGivenUp: () => boolean,
    end: MintEnd,
  ): void {
    // The new dot must be above every timestamp that the client has seen, even if this clock is behind. Otherwise a
    // blind write that is still in flight would take the new write for an older one, and replace it.
    this.#parts.clock.observe(newestKnown(request))
    if (placed.owners.includes(this.#parts.self)) {
      this.#mintHere({ placed, request, reports, isGivenUp }, end, MINT_ATTEMPTS_MAX)
    } else this.#mintApart(placed, request, isGivenUp).then(end.minted).catch(end.failed)
  }

  /** Tries again after raising the clock's persisted bound, if the bound is too low. */
  #mintHere(mint: Mint, end: MintEnd, attemptsLeft: number): void {
    this.#mintOnOwnCopy(mint, {
      ...end,
      waiting: () => {
        if (attemptsLeft === 1) end.failed(clockNotPersisted())
        else {
          const again = (): void => this.#mintHere(mint, end, attemptsLeft - 1)
          raiseBound(this.#parts.clock).then(again).catch(end.failed)
        }
      },
    })
  }

  /** How many whole owners the write needs (whole-owners.ts), and whether this node is one of them now. */
  wholeOwners(placed: PlacedRequest, request: PlannedRequest): WholeOwners {
    const { self, isProven, replica } = this.#parts
    const need = wholeNeedOf(placed, request)
    if (need === 0) return NOT_ASKED
    const isSelfWhole = placed.owners.includes(self) && isProven() && replica.mayRead(placed.at)
    return { need, isSelfWhole }
  }

  /** A new timestamp. Rejects with a `QuorateError`. */
  async timestamp(): Promise<Timestamp> {
    const [timestamp] = (await mintTimestamps(this.#parts.clock, 1)) as [Timestamp]
    return timestamp
  }

  /** Call this when an owner of the key is in reach (stand-in-minting.ts). */
  letGo(placed: PlacedRequest): void {
    this.#standIn.letGo(placed)
  }

  ownerReturned(owner: string): void {
    this.#standIn.ownerReturned(owner)
  }

  async #mintApart(
    placed: PlacedRequest,
    request: PlannedRequest,
    isGivenUp: () => boolean,
  ): Promise<Minted> {
    const whole = this.wholeOwners(placed, request)
    const { pending, clock } = this.#parts
    const begin = (timestamp: Timestamp): PendingDot => pending.begin(timestamp)
    const made = await this.#standIn.mint(placed, request, begin, () => {
      if (isLate(placed, clock.nowMs(), isGivenUp)) throw lateDisk(placed)
    })
    const existed = made.repeats?.kind === 'deleted a value'
    const flags = 'change' in request ? 0 : flagsOf(whole)
    return { ...made, existed, flags, whole, storeLocally: undefined }
  }

  #mintOnOwnCopy(mint: Mint, end: MintEnd & { readonly waiting: () => void }): void {
    this.#parts.replica.find(mint.placed.at, (entry, refusal) => {
      if (entry === undefined) {
        end.failed(rejection(refusal as Refusal))
        return
      }
      let minted: Minted | undefined
      try {
        minted = this.#mintOn(entry, mint)
      } catch (error) {
        end.failed(error)
        return
      }
      if (minted === undefined) end.waiting()
      else end.minted(minted)
    })
  }

  /** Returns undefined if the clock's bound must be raised first. Throws a `QuorateError` before anything is stored. */
  #mintOn(entry: Entry, mint: Mint): Minted | undefined {
    const { placed, request, reports } = mint
    const { replica, clock, self } = this.#parts
    const { actor } = this
    this.#refuse(entry, mint)
    const held = pruneVector(entry.latest.object, this.#parts.horizon(placed.at.partition))
    const known = knownObject(held, request)
    // The record may be ahead of this clock: the clock restarted behind its own records, or another clock was faster.
    clock.observe(newestSibling(known)?.timestamp ?? 0)
    const name = nameOfRequest(placed.at.bucket, request)
    const repeats = name && madeBefore(known, name)
    const dots: Dot[] = []
    const needed = repeats === undefined ? dotsNeeded(request, name) : 0
    while (dots.length < needed) {
      const timestamp = clock.mint()
      if (timestamp === undefined) return undefined
      dots.push({ actor, timestamp })
    }
    const dot = repeats?.dot ?? (dots[0] as Dot)
    // A repeat creates no new dot, so it does not hold the horizon back at the time of the first request.
    const pending = this.#parts.pending.begin(repeats ? clock.last : dot.timestamp)
    try {
      const isUnchanged = repeats !== undefined && known === entry.latest.object
      const made =
        repeats !== undefined
          ? encodeCopy(this.#codec, known)
          : this.#maker.make(placed, known, dots, request, entry.latest.record.length)
      const copy = isUnchanged ? entry.latest : made
      const existed =
        repeats === undefined
          ? liveSiblings(known, clock.nowMs()).length > 0
          : repeats.kind === 'deleted a value'
      const whole = this.wholeOwners(placed, request)
      const isBlind = repeats === undefined && isBlindWrite(placed, request)
      const storeLocally = startStoring((done) =>
        replica.replace(placed.at, entry, copy, (failed) => {
          if (failed !== undefined) this.giveUpActor()
          // A later write was made on top of this one. If the later one is stored, it carries this one with it.
          const mayLive = failed !== undefined && entry.latest !== copy
          done(mayLive ? { ...failed, code: 'failed' } : failed)
        }),
      )
      reports.set(self, 'pending')
      const flags = (isBlind ? APPLY_REPORT_UNCOVERED : 0) | flagsOf(whole)
      return { copy, dot, existed, flags, whole, storeLocally, pending, repeats }
    } catch (error) {
      pending.release()
      throw error
    }
  }

  /** Throws a `QuorateError` if this node must not make the write. */
  #refuse(entry: Entry, { placed, request, isGivenUp }: Mint): void {
    const { replica, clock, self, placer, mayCount } = this.#parts
    // A slow disk or a paused process may have taken longer than the client waits.
    if (isLate(placed, clock.nowMs(), isGivenUp)) throw lateDisk(placed)
    if (placed.placementVersion !== placer.placementVersion) throw hasMoved(self)
    // Leftovers of an earlier ownership are deleted first. That deletion would take this write with it.
    const notTaken = replica.notTaken(placed.at)
    if (notTaken !== undefined) throw rejection(notTaken)
    refuseLongQueue(entry)
    if (wholeNeedOf(placed, request) === 0) refuseUncounted(placed, mayCount)
  }
}

/** Whether the write replaces siblings that its client has not seen. */
function isBlindWrite({ at }: PlacedRequest, request: PlannedRequest): boolean {
  return modeOf(at.bucket) === 'siblings' && !('change' in request) && request.context === undefined
}

function flagsOf({ need }: WholeOwners): number {
  return need > 0 ? APPLY_ASKS_WHOLE : 0
}

/** The newest timestamp that the client is known to have seen, of this key or of others; 0 if there is none. */
function newestKnown(request: PlannedRequest): Timestamp {
  const { context, past } = request
  let newest = Math.max(context?.newest ?? 0, past?.newest ?? 0)
  if ('change' in request || request.content.dependencies === undefined) return newest
  for (const seen of request.content.dependencies.values()) newest = Math.max(newest, seen.newest)
  return newest
}

function isLate({ deadlineMs }: PlacedRequest, nowMs: number, isGivenUp: () => boolean): boolean {
  return isGivenUp() || nowMs > deadlineMs
}
