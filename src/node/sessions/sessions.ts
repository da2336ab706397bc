/**
 * This room decides what a causal session has seen, and which copies cover that. It relies on `read` for reads that any
 * owner may answer, and on `round` to reach and repair owners. It keeps nothing: a session travels with its client as a
 * token. Begin with core/causality/session.ts, then this file, then past-search-run.ts.
 *
 * Words of this room:
 * - A *session* lists, for each key, the versions that it has seen. The *past* of a request is that list for its key.
 * - A version is *settled* once every owner holds it. The *horizon* (horizon-keeper.ts) tells what is settled. Sessions
 *   leave such versions out, so only a copy that lacks nothing settled is good enough: a *whole* copy.
 * - A *blind* write names no context, so it replaces what its session has seen.
 *
 * A causal read answers from copies that cover what the session has seen of the key, and adds the dependencies of the
 * value read to the session. A write stores the rest of its session as its dependencies. So a session reads its own
 * writes and never goes back. Another session that reads such a write also sees everything before it, through any node
 * and across any cut (COPS, Lloyd et al. 2011, sections 3 and 4).
 *
 * Requests at other levels add what they read or wrote to the session, but wait for nothing. An update of a counter or
 * a set enters its own session too, but it stores no dependencies: a counter's increments merge into one number, and
 * the merged dependencies would have no bound.
 */
import { assert } from '../../core/assert.ts'
import {
  dependenciesOf,
  EMPTY_SESSION,
  joinSessions,
  missingFrom,
  oldestAbove,
  SESSION_BYTES_MAX,
  seenOf,
  type Session,
  sessionBytes,
  sessionName,
  splitSessionName,
  quorumFloorOf,
  withoutKeys,
  withoutSettled,
  withQuorumFloor,
  withSeen,
} from '../../core/causality/session.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import {
  EMPTY_VECTOR,
  joinVectors,
  type VersionVector,
} from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { majority } from '../../core/quorum/level.ts'
import { leastCount } from '../../core/quorum/owner-groups.ts'
import type { OwnersWanted } from '../../core/replication/past-search.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { type FoundPast, searchPast, type SearchParts } from './past-search-run.ts'
import { answerFromOwnCopy, answerWith } from '../read/read-answer.ts'
import { modeOf } from '../replica/replica.ts'
import { readOwnSoon } from '../round/own-read.ts'
import { groupsOf, type PlacedRequest } from '../round/placed-request.ts'
import { endWith, asPromise } from '../round/request-end.ts'
import type { RequestPlacer } from '../round/request-placer.ts'
import { type Repeatable, whilePlaced } from '../round/while-placed.ts'
import { repairOwner } from '../round/repair-owner.ts'
import type {
  ReadAnswer,
  RequestOptions,
  UpdateRequest,
  WriteAnswer,
  WriteRequest,
} from '../service/service.ts'

/** A session that exceeds its bound is shortened until this share of the bound is free, to spare the next requests. */
const ROOM_PERCENT = 25
/** Room for the entry that a write adds to its session. Before the write, the length of its vector is not known. */
const WRITE_ROOM_BYTES = 500
/** One request brings the versions of this many keys to their owners at the same time. */
const KEYS_AT_ONCE = 16

export interface SessionParts extends SearchParts {
  /** Everything up to this time is settled. */
  readonly horizon: () => Timestamp
  /** Reads without a session. */
  readonly read: (placed: PlacedRequest) => Promise<ReadAnswer>
  readonly placer: RequestPlacer
}

/** The owners that hold the past of a key durably. */
type Holders = 'all' | 'majority'

export class Sessions {
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics }
  readonly #parts: SessionParts

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: SessionParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** The session of a request, without settled versions; undefined if the request belongs to no session. */
  pastOf({ level }: PlacedRequest, { session }: RequestOptions): Session | undefined {
    if (session === undefined) return level === 'causal' ? EMPTY_SESSION : undefined
    return withoutSettled(session, this.#parts.horizon())
  }

  /** Reads as part of a session. Rejects with a `QuorateError`, such as session_past_unreachable. */
  async read(placed: PlacedRequest, session: Session): Promise<ReadAnswer> {
    const answer = await this.#readCovering(placed, session)
    const { bucket, key } = placed.at
    const name = sessionName(bucket.name, key)
    const seen = withSeen(session, name, seenOf(modeOf(bucket), answer.object))
    const joined = joinSessions(seen, dependenciesOf(answer.object))
    const next = withoutSettled(joined, this.#parts.horizon())
    return { ...answer, session: await this.#withinBound(next, 0, placed.deadlineMs) }
  }

  /** At level `causal`, reads from copies that cover what the session has seen of the key. */
  async #readCovering(placed: PlacedRequest, session: Session): Promise<ReadAnswer> {
    const { read } = this.#parts
    if (placed.level !== 'causal' || hasSeenNothing(session)) return read(placed)
    const past = seenBy(session, placed)
    const wanted = quorumFloorOf(session) > 0 ? atQuorum(placed) : atOwner(placed)
    if (past.size === 0) return read(wanted)
    const { r } = wanted.need
    const own = r === 1 ? await this.#ownCopy(placed, past) : undefined
    // A fallback's hint alone may cover the past, and lack settled values that the session has seen.
    const owners = { kind: 'whole', least: r, best: r } as const
    return own ?? this.#answer(placed, await this.#search('read', placed, past, owners))
  }

  /**
   * Reads what a write is about to replace. The value covers `past`, and all settled writes, which the session no
   * longer lists. This node's own copy is enough, unless it is being refilled or the data directory may be an old one.
   */
  async readWhole(placed: PlacedRequest, past: VersionVector): Promise<ReadAnswer> {
    const own = await this.#ownCopy(placed, past)
    const owners = { kind: 'whole', least: 1, best: 1 } as const
    return own ?? this.#answer(placed, await this.#search('read', placed, past, owners))
  }

  /**
   * Completes the past of a session's blind write that this owner coordinates. While this node's copies are being
   * refilled, they may lack settled values that the write has to replace. Without this step such a value would come
   * back later, as a sibling of the write. Rejects before anything is applied.
   */
  async withWholePast(placed: PlacedRequest, request: WriteRequest): Promise<WriteRequest> {
    const { past } = request
    if (past === undefined || !this.needsWholePast(placed, request)) return request
    const seen = await this.readWhole(placed, past)
    return { ...request, past: joinVectors(past, seen.context) }
  }

  /** Whether `withWholePast` has anything to do. */
  needsWholePast({ at, level }: PlacedRequest, { context, past }: WriteRequest): boolean {
    const isBlind = modeOf(at.bucket) === 'siblings' && context === undefined
    if (level !== 'causal' || past === undefined || !isBlind) return false
    const { isProven, replica } = this.#parts
    return !isProven() || !replica.mayRead(at)
  }

  /** Adds the session to the write, as its past and its dependencies. Rejects before anything is applied. */
  async prepare<T extends WriteRequest | UpdateRequest>(
    placed: PlacedRequest,
    request: T,
    session: Session,
  ): Promise<{ readonly placed: PlacedRequest; readonly request: T; readonly session: Session }> {
    const { bucket, key } = placed.at
    const name = sessionName(bucket.name, key)
    const ownBytes = session.has(name) ? 0 : sessionBytes(new Map([[name, EMPTY_VECTOR]]))
    const kept = await this.#withinBound(session, ownBytes + WRITE_ROOM_BYTES, placed.deadlineMs)
    const past = hasSeenNothing(session)
      ? undefined
      : await this.#pastOfWrite(placed, request, kept)
    if ('change' in request) return { placed, request: { ...request, past }, session: kept }
    // A write needs no dependency on the values that it replaces.
    const replacesPast = modeOf(bucket) !== 'siblings' || request.context === undefined
    const dependencies: Session = replacesPast
      ? new Map([...kept].filter(([other]) => other !== name))
      : kept
    const content = dependencies.size > 0 ? { ...request.content, dependencies } : request.content
    // A blind write replaces all that its session has seen, settled or not. A fallback may not hold what is settled.
    const needsOwner = placed.level === 'causal' && modeOf(bucket) === 'siblings' && replacesPast
    const madeUnder = needsOwner ? atOwner(placed) : placed
    return { placed: madeUnder, request: { ...request, content, past }, session: kept }
  }

  /**
   * Adds an acknowledged write to its session. At `weak` the session stays unchanged, because nothing is stored yet.
   * Otherwise the whole vector of the object that the write made is added. With the write's dot alone, values that were
   * replaced earlier would look new to the session.
   *
   * Rejects with outcome_unknown if the session does not fit its bound and its oldest versions cannot be brought to
   * their owners. The write is applied then, but no token that fits could promise to read it.
   */
  async afterWrite(
    placed: PlacedRequest,
    session: Session,
    { seen }: WriteAnswer,
  ): Promise<Session> {
    if (seen === undefined) return session
    const name = sessionName(placed.at.bucket.name, placed.at.key)
    const after = withoutSettled(withSeen(session, name, seen), this.#parts.horizon())
    try {
      return await this.#withinBound(after, 0, placed.deadlineMs)
    } catch (error) {
      if (!(error instanceof QuorateError)) throw error
      throw new QuorateError(
        'outcome_unknown',
        `the write was applied, but ${error.message}; keep the session token from before the write`,
      )
    }
  }

  /** The answer from this node's own copy; undefined if that does not cover the past, or cannot be read soon. */
  #ownCopy(placed: PlacedRequest, past: VersionVector): Promise<ReadAnswer | undefined> {
    const { self, isProven, horizonOf, clock } = this.#parts
    if (!placed.owners.includes(self) || !isProven()) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      readOwnSoon(this.#parts, placed.at, (copy) => {
        if (copy === undefined) {
          resolve(undefined)
          return
        }
        const { object } = copy
        const mode = modeOf(placed.at.bucket)
        const isCovered = missingFrom(mode, object, horizonOf(placed.at.partition), past).size === 0
        resolve(isCovered ? answerFromOwnCopy(placed, self, object, clock.nowMs()) : undefined)
      })
    })
  }

  /** The versions of the key that a write must replace or follow: those that the session has seen. */
  async #pastOfWrite(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    session: Session,
  ): Promise<VersionVector> {
    const past = seenBy(session, placed)
    if (quorumFloorOf(session) === 0 || request.context !== undefined) return past
    // The session may have left out versions of this key that only a majority of its owners holds.
    const { context } = await this.#parts.read(atQuorum(placed))
    return joinVectors(past, context)
  }

  #search(
    kind: 'read' | 'settle',
    placed: PlacedRequest,
    past: VersionVector,
    owners: OwnersWanted,
  ): Promise<FoundPast> {
    this.#ports.metrics.count('session_searches_total', { kind })
    return searchPast(this.#parts, this.#ports, placed, past, owners)
  }

  #answer(placed: PlacedRequest, { merged, reports, answered, hinted }: FoundPast): ReadAnswer {
    const { self, clock } = this.#parts
    return answerWith(merged.object, clock.nowMs(), {
      level: placed.level,
      coordinator: self,
      quorum: { need: 1, got: answered, hinted },
      replicas: reports.list(),
    })
  }

  /**
   * Shortens the session until it and `roomBytes` more fit a token. Brings the versions of the keys touched longest ago
   * to their owners, then drops these keys. Rejects with session_past_unreachable.
   */
  async #withinBound(session: Session, roomBytes: number, deadlineMs: number): Promise<Session> {
    if (sessionBytes(session) + roomBytes <= SESSION_BYTES_MAX) return session
    const target = (SESSION_BYTES_MAX * (100 - ROOM_PERCENT)) / 100
    const names = oldestAbove(session, target - roomBytes)
    let kept = withoutKeys(session, names)
    for (let from = 0; from < names.length; from += KEYS_AT_ONCE) {
      const some = names.slice(from, from + KEYS_AT_ONCE)
      const bringing = some.map(async (name) => {
        const past = session.get(name) as VersionVector
        return { past, holders: await this.#bringToOwners(name, past, deadlineMs) }
      })
      for (const { past, holders } of await Promise.all(bringing)) {
        if (holders === 'majority') kept = withQuorumFloor(kept, past)
      }
    }
    assert(sessionBytes(kept) + roomBytes <= SESSION_BYTES_MAX, 'a shortened session fits a token')
    return kept
  }

  /**
   * Makes `past` durable at a majority of the key's owners, and at all of them if possible. Rejects with
   * session_past_unreachable.
   */
  #bringToOwners(name: string, past: VersionVector, deadlineMs: number): Promise<Holders> {
    const { bucket, key } = splitSessionName(name)
    const { placer } = this.#parts
    const placed = placer.placeAll(bucket, key, deadlineMs)
    // A key without a bucket has no owners, and cannot be read: its bucket was deleted.
    if (placed === undefined) return Promise.resolve('all')
    // If the key moves meanwhile, this runs again: the new owners may lack the past.
    const request: Repeatable<Holders> = {
      run: (now, end) => endWith(this.#bringUnder(now, past), end),
      repeatsAnswer: true,
      mayRepeat: () => true,
    }
    const { metrics } = this.#ports
    return asPromise<Holders>((end) =>
      whilePlaced({ placer, metrics }, placed, request, end),
    ).catch((error: unknown) => {
      if (placer.whyGone(placed) === undefined) throw error
      return 'all'
    })
  }

  async #bringUnder(placed: PlacedRequest, past: VersionVector): Promise<Holders> {
    const { deadlineMs } = placed
    const groups = groupsOf(placed)
    const count = placed.owners.length
    const wanted = { kind: 'any', least: majority(count), best: count } as const
    const { copies, merged } = await this.#search('settle', placed, past, wanted)
    // A majority of the owners has answered, so the merged copy may even replace a damaged record.
    const repairs = copies.laggards().map(
      (owner) =>
        new Promise<void>((resolve) => {
          // If the merged copy is absent, the past is settled and forgotten, so there is nothing to repair.
          if (merged.record.length === 0) {
            resolve()
            return
          }
          const repair = { owner, copy: merged, mayReplaceDamaged: true, deadlineMs }
          repairOwner(this.#parts, this.#ports, placed.at, repair, (trouble) => {
            if (trouble === undefined) copies.markRepaired(owner, merged)
            resolve()
          })
        }),
    )
    await Promise.all(repairs)
    const holders = copies.holders()
    const holding = leastCount(groups, (owner) => holders.has(owner))
    if (holding === count) return 'all'
    if (holding >= wanted.least) return 'majority'
    throw new QuorateError(
      'session_past_unreachable',
      'the session token is full, and one of its keys could not be brought to a majority of its owners',
      { received: holding, required: wanted.least, retryAfterSeconds: 1 },
    )
  }
}

/**
 * Whether no copy can be too old for the session. A session that is empty because all that it has seen is settled does
 * not count: it needs an owner's copy. So the session is compared with the one object that stands for no session.
 */
function hasSeenNothing(session: Session): boolean {
  return session === EMPTY_SESSION
}

/** The versions of the request's key that the session has seen. */
function seenBy(session: Session, { at }: PlacedRequest): VersionVector {
  return session.get(sessionName(at.bucket.name, at.key)) ?? EMPTY_VECTOR
}

/** Restricts a request to proven owners. They hold what is settled; a fallback or an old directory may lack it. */
function atOwner(placed: PlacedRequest): PlacedRequest {
  return { ...placed, need: { ...placed.need, sloppy: false }, provenOnly: true }
}

/** Makes a read ask a majority, because the session has left out versions that perhaps only a majority holds. */
function atQuorum(placed: PlacedRequest): PlacedRequest {
  const r = Math.max(placed.need.r, majority(placed.owners.length))
  return { ...placed, need: { ...placed.need, r, sloppy: false }, provenOnly: true }
}
