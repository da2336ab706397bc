/**
 * Causal sessions (design section 8): a causal read answers from copies that cover what the session has seen of the
 * key, what it reads brings that value's own dependencies into the session, and a write keeps the session's past as its
 * dependencies. So a session reads its own writes, never goes back, and whoever reads a write of it, in a session,
 * sees what came before, through whatever nodes, in whatever cut.
 *
 * Requests of other levels take part: they bring what they saw, or wrote, into the session, and wait for
 * nothing. Updates of counters and sets are seen by their own session, but carry no dependencies to others: a
 * counter's increments merge into one number, whose dependencies would have no bound.
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
import { liveSiblings, newestSibling } from '../../core/causality/stored-object.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import {
  EMPTY_VECTOR,
  joinVectors,
  type VersionVector,
} from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { majority } from '../../core/quorum/level.ts'
import { leastCount } from '../../core/quorum/owner-groups.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { type FoundPast, type OwnersWanted, searchPast, type SearchParts } from './past-search.ts'
import { OWN_READ_MS } from '../read/read-coordinator.ts'
import { repairOwner } from '../read/read-repair.ts'
import { modeOf } from '../replica/replica.ts'
import { groupsOf, type PlacedRequest } from '../round/placed-request.ts'
import type {
  ReadAnswer,
  RequestOptions,
  UpdateRequest,
  WriteAnswer,
  WriteRequest,
} from '../service/service.ts'

/** At the bound so much is made room at once, in a hundred, so that not every request has to. */
const ROOM_PERCENT = 25
/** Room for what a write brings into its session: the vector of its object, of which nobody knows the length before. */
const WRITE_ROOM_BYTES = 500
/** Keys that one request brings to their owners at the same time. */
const SETTLED_AT_ONCE = 16

export interface SessionParts extends SearchParts {
  /** Up to here everything is settled. */
  readonly horizon: () => Timestamp
  readonly read: (placed: PlacedRequest) => Promise<ReadAnswer>
  /** The placement in force (topology-keeper.ts). */
  readonly placedAt: () => number
  /** Where a key lives, for a request to all of its owners; undefined where its bucket is gone. */
  readonly placeAll: (bucket: string, key: string, deadlineMs: number) => PlacedRequest | undefined
}

export class Sessions {
  readonly #ports: { clock: Clock; codec: Codec; metrics: Metrics }
  readonly #parts: SessionParts

  constructor(ports: { clock: Clock; codec: Codec; metrics: Metrics }, parts: SessionParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** The past of a request, without what is settled; undefined where the request is part of no session. */
  pastOf({ level }: PlacedRequest, { session }: RequestOptions): Session | undefined {
    if (session === undefined) return level === 'causal' ? EMPTY_SESSION : undefined
    return withoutSettled(session, this.#parts.horizon())
  }

  /** Reads as part of a session. Rejects with a `QuorateError`: session_past_unreachable among others. */
  async read(placed: PlacedRequest, session: Session): Promise<ReadAnswer> {
    const answer = await this.readCovering(placed, session)
    const { bucket, key } = placed.at
    const name = sessionName(bucket.name, key)
    const seen = withSeen(session, name, seenOf(modeOf(bucket), answer.object))
    const joined = joinSessions(seen, dependenciesOf(answer.object))
    const next = withoutSettled(joined, this.#parts.horizon())
    return { ...answer, session: await this.#withinBound(next, 0, placed.deadlineMs) }
  }

  /** At `causal`, from copies that cover what the session has seen of the key. */
  async readCovering(placed: PlacedRequest, session: Session): Promise<ReadAnswer> {
    const { read } = this.#parts
    // Who has seen nothing yet goes back behind nothing.
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
   * What an owner finds of a key that is to be replaced: of `past` all, and of what is settled, of which the session
   * says nothing any more, all too. Its own copy says that, unless it is being filled or may be an old one.
   */
  async readWhole(placed: PlacedRequest, past: VersionVector): Promise<ReadAnswer> {
    const own = await this.#ownCopy(placed, past)
    const owners = { kind: 'whole', least: 1, best: 1 } as const
    return own ?? this.#answer(placed, await this.#search('read', placed, past, owners))
  }

  /**
   * A session's blind write as this owner makes it: what is settled is missing in its own copy as long as that is being
   * filled, and would come back beside the write that replaced it. Rejects before anything is applied.
   */
  async withWholePast(placed: PlacedRequest, request: WriteRequest): Promise<WriteRequest> {
    const { isProven, replica } = this.#parts
    const { context, past } = request
    const isBlind = modeOf(placed.at.bucket) === 'siblings' && context === undefined
    if (placed.level !== 'causal' || past === undefined || !isBlind) return request
    if (isProven() && replica.mayRead(placed.at)) return request
    const seen = await this.readWhole(placed, past)
    return { ...request, past: joinVectors(past, seen.context) }
  }

  /** The write as it is made in the session. Rejects before anything is applied. */
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
    // What the write itself replaces needs no telling.
    const replacesPast = modeOf(bucket) !== 'siblings' || request.context === undefined
    const dependencies: Session = replacesPast
      ? new Map([...kept].filter(([other]) => other !== name))
      : kept
    const content = dependencies.size > 0 ? { ...request.content, dependencies } : request.content
    // A blind write replaces what its session has seen, settled or not: a stand-in cannot tell what that is.
    const needsOwner = placed.level === 'causal' && modeOf(bucket) === 'siblings' && replacesPast
    const made = needsOwner ? atOwner(placed) : placed
    return { placed: made, request: { ...request, content, past }, session: kept }
  }

  /**
   * The session after its write was acknowledged; as it was where that promises nothing yet. Of the key it has now
   * seen all that the write's object has: a part of that would say of what it replaced that it is gone, and not
   * of what that had replaced.
   *
   * Rejects with outcome_unknown where that is more than there was room for, and cannot be brought to the owners:
   * the write is made, but this session could not promise to read it.
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
        `the write was made, but ${error.message}: what the session had seen before still holds`,
      )
    }
  }

  #ownCopy(placed: PlacedRequest, past: VersionVector): Promise<ReadAnswer | undefined> {
    const { self, replica, isProven, horizonOf, clock, deadlines } = this.#parts
    if (!placed.owners.includes(self) || !isProven()) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      // Not in memory, and the own disk may be slow, or stall: then the other owners are asked.
      const late = deadlines.in(OWN_READ_MS, () => resolve(undefined))
      replica.read(placed.at, (copy) => {
        deadlines.cancel(late)
        if (copy === undefined) {
          resolve(undefined)
          return
        }
        const { object } = copy
        const mode = modeOf(placed.at.bucket)
        const isCovered = missingFrom(mode, object, horizonOf(placed.at.partition), past).size === 0
        if (!isCovered) {
          resolve(undefined)
          return
        }
        const siblings = liveSiblings(object, clock.nowMs())
        resolve({
          level: placed.level,
          coordinator: self,
          quorum: { need: 1, got: 1, hinted: 0 },
          context: object.vector,
          replicas: [{ node: self, status: 'ok', ms: 0 }],
          siblings,
          deleted: siblings.length === 0 && newestSibling(object) !== undefined,
          object,
        })
      })
    })
  }

  /** What a write has to replace, or come after: what the session has seen of its key. */
  async #pastOfWrite(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    session: Session,
  ): Promise<VersionVector> {
    const past = seenBy(session, placed)
    if (quorumFloorOf(session) === 0 || request.context !== undefined) return past
    // A majority holds what was left out of the session; nobody else knows what it was.
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
    const { object } = merged
    const siblings = liveSiblings(object, this.#parts.clock.nowMs())
    return {
      level: placed.level,
      coordinator: this.#parts.self,
      quorum: { need: 1, got: answered, hinted: answered - copies.count },
      context: object.vector,
      replicas: reports.list(),
      siblings,
      deleted: siblings.length === 0 && newestSibling(object) !== undefined,
      object,
    }
  }

  /**
   * The session, with the oldest of what it has seen brought to the owners, and left out, until it and `roomBytes`
   * more fit a token. Rejects with session_past_unreachable.
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
   * Until a majority of the key's owners, better all of them, hold what was seen of it, durably. Resolves with the name
   * where it was not all. Rejects with session_past_unreachable.
   */
  async #settle(
    name: string,
    past: VersionVector,
    deadlineMs: number,
  ): Promise<string | undefined> {
    const { bucket, key } = splitSessionName(name)
    const placed = this.#parts.placeAll(bucket, key, deadlineMs)
    if (placed === undefined) return undefined
    const groups = groupsOf(placed)
    const [count] = groups.map((owners) => owners.length) as [number]
    const wanted = { kind: 'any', least: majority(count), best: count } as const
    const { copies, merged } = await this.#search('settle', placed, past, wanted)
    const repairs = copies.laggards().map(
      (owner) =>
        new Promise<void>((resolve) => {
          const { record } = merged
          // An owner that forgot it with all others has nothing to be given.
          if (record.length === 0) {
            resolve()
            return
          }
          const repair = { placed, copies, owner, copy: merged, deadlineMs }
          repairOwner(this.#parts, this.#ports, repair, () => resolve())
        }),
    )
    await Promise.all(repairs)
    // Other owners may know nothing of it.
    if (placed.placedAt !== this.#parts.placedAt()) return this.#settle(name, past, deadlineMs)
    const holders = copies.holders()
    const holding = leastCount(groups, (owner) => holders.has(owner))
    if (holding === count) return undefined
    if (holding >= wanted.least) return name
    throw new QuorateError(
      'session_past_unreachable',
      `this session has seen as much as its token holds, and ${name} could not be brought to a majority of its owners`,
      { received: holding, required: wanted.least, retryAfterSeconds: 1 },
    )
  }
}

/** What the session has seen of the key of a request. */
function seenBy(session: Session, { at }: PlacedRequest): VersionVector {
  return session.get(sessionName(at.bucket.name, at.key)) ?? EMPTY_VECTOR
}

/** What is settled is at every owner; a stand-in, or an old directory of an owner, may know nothing of it. */
function atOwner(placed: PlacedRequest): PlacedRequest {
  return { ...placed, need: { ...placed.need, sloppy: false }, provenOnly: true }
}

function atQuorum(placed: PlacedRequest): PlacedRequest {
  const r = Math.max(placed.need.r, majority(placed.owners.length))
  return { ...placed, need: { ...placed.need, r, sloppy: false }, provenOnly: true }
}
