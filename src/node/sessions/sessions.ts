/**
 * This room decides what a causal session has seen, and which copies cover that. It relies on `read` for reads that any
 * owner may answer, on `round` to reach and repair owners, and on the horizon to know what every owner holds. It keeps
 * nothing: a session travels with its client as a token.
 *
 * A causal read answers from copies that cover what the session has seen of the key, and adds the dependencies of the
 * value read to the session. A write stores the session's past as its dependencies. So a session reads its own writes
 * and never goes back. Another session that reads such a write also sees everything before it, through any node and
 * across any cut.
 *
 * Requests at other levels add what they read or wrote to the session, but wait for nothing. Their own session sees
 * updates of counters and sets, but these carry no dependencies: a counter's increments merge into one number, and the
 * merged dependencies would have no bound.
 */
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

/** At its bound a session frees this share of it at once, so that the next requests need not. */
const ROOM_PERCENT = 25
/** Room for the entry that a write adds to its session. The object's vector has no known length before the write. */
const WRITE_ROOM_BYTES = 500
/** Keys that one request brings to their owners at the same time. */
const SETTLED_AT_ONCE = 16

export interface SessionParts extends SearchParts {
  /** Everything up to this time is settled: all owners hold it. */
  readonly horizon: () => Timestamp
  readonly read: (placed: PlacedRequest) => Promise<ReadAnswer>
  readonly placer: RequestPlacer
}

export class Sessions {
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics }
  readonly #parts: SessionParts

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: SessionParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** The session's past without settled entries; undefined if the request belongs to no session. */
  pastOf({ level }: PlacedRequest, { session }: RequestOptions): Session | undefined {
    if (session === undefined) return level === 'causal' ? EMPTY_SESSION : undefined
    return withoutSettled(session, this.#parts.horizon())
  }

  /** Reads as part of a session. Rejects with a `QuorateError`, such as session_past_unreachable. */
  async read(placed: PlacedRequest, session: Session): Promise<ReadAnswer> {
    const answer = await this.readCovering(placed, session)
    const { bucket, key } = placed.at
    const name = sessionName(bucket.name, key)
    const seen = withSeen(session, name, seenOf(modeOf(bucket), answer.object))
    const joined = joinSessions(seen, dependenciesOf(answer.object))
    const next = withoutSettled(joined, this.#parts.horizon())
    return { ...answer, session: await this.#withinBound(next, 0, placed.deadlineMs) }
  }

  /** At level `causal`, reads from copies that cover what the session has seen of the key. */
  async readCovering(placed: PlacedRequest, session: Session): Promise<ReadAnswer> {
    const { read } = this.#parts
    // An empty session has seen nothing, so no copy can be too old for it.
    if (placed.level !== 'causal' || session === EMPTY_SESSION) return read(placed)
    const past = seenBy(session, placed)
    const wanted = quorumFloorOf(session) > 0 ? atQuorum(placed) : atOwner(placed)
    if (past.size === 0) return read(wanted)
    const { r } = wanted.need
    const own = r === 1 ? await this.#ownCopy(placed, past) : undefined
    const count = r === 1 ? 0 : r
    const owners = { kind: 'whole', least: count, best: count } as const
    return own ?? this.#answer(placed, await this.#search('read', placed, past, owners))
  }

  /**
   * The owners' value of a key that a write is about to replace. It covers `past`, and all settled writes, which the
   * session no longer lists. This node's own copy is enough, unless it is being refilled or its directory may be an old
   * one.
   */
  async readWhole(placed: PlacedRequest, past: VersionVector): Promise<ReadAnswer> {
    const own = await this.#ownCopy(placed, past)
    const owners = { kind: 'whole', least: 1, best: 1 } as const
    return own ?? this.#answer(placed, await this.#search('read', placed, past, owners))
  }

  /**
   * Completes the past of a session's blind write at this owner. While this node's copy is being refilled, it lacks
   * settled values; without this step they would come back as siblings of the write that replaced them. Rejects before
   * anything is applied.
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

  /** Adds the session's past and dependencies to the write. Rejects before anything is applied. */
  async prepare<T extends WriteRequest | UpdateRequest>(
    placed: PlacedRequest,
    request: T,
    session: Session,
  ): Promise<{ readonly placed: PlacedRequest; readonly request: T; readonly session: Session }> {
    const { bucket, key } = placed.at
    const name = sessionName(bucket.name, key)
    const ownBytes = session.has(name) ? 0 : sessionBytes(new Map([[name, EMPTY_VECTOR]]))
    const kept = await this.#withinBound(session, ownBytes + WRITE_ROOM_BYTES, placed.deadlineMs)
    const past =
      session === EMPTY_SESSION ? undefined : await this.#pastOfWrite(placed, request, kept)
    if ('change' in request) return { placed, request: { ...request, past }, session: kept }
    // A write needs no dependency on the values that it replaces.
    const replacesPast = modeOf(bucket) !== 'siblings' || request.context === undefined
    const dependencies: Session = replacesPast
      ? new Map([...kept].filter(([other]) => other !== name))
      : kept
    const content = dependencies.size > 0 ? { ...request.content, dependencies } : request.content
    // A blind write replaces all that its session has seen, settled or not. A fallback cannot tell what is settled.
    const needsOwner = placed.level === 'causal' && modeOf(bucket) === 'siblings' && replacesPast
    const made = needsOwner ? atOwner(placed) : placed
    return { placed: made, request: { ...request, content, past }, session: kept }
  }

  /**
   * The session after its acknowledged write. It stays unchanged at `weak`, where nothing is stored yet. Otherwise it
   * covers the whole vector of the object that the write made: with the dot of the write alone, values that were
   * replaced earlier would look new to the session.
   *
   * Rejects with outcome_unknown if the session does not fit its bound and its oldest entries cannot be brought to
   * their owners. The write is applied then, but this session could not promise to read it.
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
    // Entries left out of the session are held by a majority of the owners; no other node knows them.
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

  #answer(placed: PlacedRequest, { merged, reports, answered, copies }: FoundPast): ReadAnswer {
    const { self, clock } = this.#parts
    return answerWith(merged.object, clock.nowMs(), {
      level: placed.level,
      coordinator: self,
      quorum: { need: 1, got: answered, hinted: answered - copies.count },
      replicas: reports.list(),
    })
  }

  /**
   * Shrinks the session until it and `roomBytes` more fit a token: brings its oldest entries to their owners, then
   * drops them. Rejects with session_past_unreachable.
   */
  async #withinBound(session: Session, roomBytes: number, deadlineMs: number): Promise<Session> {
    if (sessionBytes(session) + roomBytes <= SESSION_BYTES_MAX) return session
    const target = (SESSION_BYTES_MAX * (100 - ROOM_PERCENT)) / 100
    const names = oldestAbove(session, target - roomBytes)
    let kept = withoutKeys(session, names)
    for (let from = 0; from < names.length; from += SETTLED_AT_ONCE) {
      const some = names.slice(from, from + SETTLED_AT_ONCE)
      const settling = some.map((name) =>
        this.#settle(name, session.get(name) as VersionVector, deadlineMs),
      )
      for (const name of await Promise.all(settling)) {
        if (name === undefined) continue
        kept = withQuorumFloor(kept, session.get(name) as VersionVector)
      }
    }
    return kept
  }

  /**
   * Makes `past` durable at a majority of the key's owners, and at all of them if possible. Resolves with the name if
   * not all owners hold it. Rejects with session_past_unreachable.
   */
  #settle(name: string, past: VersionVector, deadlineMs: number): Promise<string | undefined> {
    const { bucket, key } = splitSessionName(name)
    const { placer } = this.#parts
    const placed = placer.placeAll(bucket, key, deadlineMs)
    if (placed === undefined) return Promise.resolve(undefined)
    // After a move the new owners may lack it.
    const request: Repeatable<string | undefined> = {
      run: (now, end) => endWith(this.#settleUnder(now, name, past), end),
      repeatsAnswer: true,
      mayRepeat: () => true,
    }
    const { metrics } = this.#ports
    return asPromise((end) => whilePlaced({ placer, metrics }, placed, request, end))
  }

  async #settleUnder(
    placed: PlacedRequest,
    name: string,
    past: VersionVector,
  ): Promise<string | undefined> {
    const { deadlineMs } = placed
    const groups = groupsOf(placed)
    const [count] = groups.map((owners) => owners.length) as [number]
    const wanted = { kind: 'any', least: majority(count), best: count } as const
    const { copies, merged } = await this.#search('settle', placed, past, wanted)
    // A majority of the owners has answered, so the merged copy may even replace a damaged record.
    const repairs = copies.laggards().map(
      (owner) =>
        new Promise<void>((resolve) => {
          const { record } = merged
          // The owners have all forgotten it by now, so there is nothing to repair.
          if (record.length === 0) {
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
    if (holding === count) return undefined
    if (holding >= wanted.least) return name
    throw new QuorateError(
      'session_past_unreachable',
      `the session token is full, and ${name} could not be brought to a majority of its owners`,
      { received: holding, required: wanted.least, retryAfterSeconds: 1 },
    )
  }
}

/** The versions of the request's key that the session has seen. */
function seenBy(session: Session, { at }: PlacedRequest): VersionVector {
  return session.get(sessionName(at.bucket.name, at.key)) ?? EMPTY_VECTOR
}

/**
 * Restricts a request to proven owners: every owner holds what is settled, but a fallback or an old directory may not.
 */
function atOwner(placed: PlacedRequest): PlacedRequest {
  return { ...placed, need: { ...placed.need, sloppy: false }, provenOnly: true }
}

function atQuorum(placed: PlacedRequest): PlacedRequest {
  const r = Math.max(placed.need.r, majority(placed.owners.length))
  return { ...placed, need: { ...placed.need, r, sloppy: false }, provenOnly: true }
}
