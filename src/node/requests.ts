/**
 * The front door of a node: takes clients' requests, finds where the key lives and what the level needs,
 * bounds how many are under way, and hands them to the coordinators or to an owner.
 */
import type { Session } from '../core/causality/session.ts'
import type { StoredObject } from '../core/causality/stored-object.ts'
import type { RegisterOperation } from '../core/consensus/register.ts'
import { QuorateError } from '../core/errors.ts'
import type { Bucket } from '../core/placement/topology.ts'
import { quorumNeed } from '../core/quorum/level.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Deadlines } from './peers/deadlines.ts'
import { forwardWrite } from './write/write-forward.ts'
import type { KeyListing } from './listing/key-listing.ts'
import type { NodeClock } from './identity/node-clock.ts'
import { soonestFirst } from './peers/peer-reach.ts'
import type { NodeSettings } from './node-settings.ts'
import type { Peers } from './peers/peers.ts'
import type { OperationAnswer } from './strong/register-forward.ts'
import type { Location } from './replica/replica.ts'
import type { Refusal } from './wire/messages.ts'
import { RequestBound } from './round/request-bound.ts'
import { type PlacedRequest, TIMEOUT_MS_MAX } from './round/placed-request.ts'
import type {
  ListAnswer,
  ListRequest,
  ReadAnswer,
  ReadRequest,
  RequestOptions,
  UpdateRequest,
  WriteAnswer,
  WriteRequest,
} from './service/service.ts'
import type { Sessions } from './sessions/sessions.ts'
import type { StrongCoordinator } from './strong/strong-coordinator.ts'
import type { TopologyKeeper } from './topology/topology-keeper.ts'
import { needsOwner, needsQuorumRead, refuseUnfit, seenBefore } from './write/type-change.ts'
import { nameOfRequest, NamesFull } from './write/update-names.ts'
import { whyNoNames } from './wire/wire-version.ts'
import type { WriteCoordinator } from './write/write-coordinator.ts'

export interface RequestParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  readonly read: (placed: PlacedRequest) => Promise<ReadAnswer>
  readonly writes: WriteCoordinator
  readonly strong: StrongCoordinator
  readonly sessions: Sessions
  readonly listing: KeyListing
  readonly peers: Peers
  readonly deadlines: Deadlines
  readonly inReach: (node: string, sloppy: boolean) => boolean
  /** Those of the members that may speak an older version of the protocol. */
  readonly mayBeOld: (members: Iterable<string>) => string[]
  /** Why the own disk takes no writes, if so. */
  readonly diskRefusal: () => Refusal | undefined
}

export class Requests {
  readonly #metrics: Metrics
  readonly #settings: NodeSettings
  readonly #parts: RequestParts
  readonly #bound: RequestBound

  constructor(ports: { metrics: Metrics }, settings: NodeSettings, parts: RequestParts) {
    this.#metrics = ports.metrics
    this.#settings = settings
    this.#parts = parts
    this.#bound = new RequestBound(parts.deadlines, settings.inflightRequestsMax)
  }

  /** Requests whose work goes on. */
  get inflight(): number {
    return this.#bound.inflight
  }

  get(request: ReadRequest): Promise<ReadAnswer> {
    return this.#bound.run('read', this.#timeoutMs(request), () => {
      const placed = this.#place(request)
      refuseStrongLevel(placed)
      const { sessions, read } = this.#parts
      const session = sessions.pastOf(placed, request)
      return this.#whilePlaced(placed, isAnything, (now) =>
        session === undefined ? read(now) : sessions.read(now, session),
      )
    })
  }

  /**
   * Does it again where the key has other owners by the time it is done: an answer of the old ones may lack what the
   * new ones have been told. `mayRepeat`: whether an error, or an answer (undefined), is one of these.
   */
  async #whilePlaced<T>(
    first: PlacedRequest,
    mayRepeat: (error: unknown) => boolean,
    run: (placed: PlacedRequest) => Promise<T>,
  ): Promise<T> {
    for (let placed = first; ;) {
      try {
        const answer = await run(placed)
        if (placed.placedAt === this.#parts.keeper.placedAt || !mayRepeat(undefined)) return answer
      } catch (error) {
        if (placed.placedAt === this.#parts.keeper.placedAt || !mayRepeat(error)) throw error
      }
      this.refuseNonMember()
      this.#metrics.count('placement_changed_total')
      placed = this.placeAgain(placed)
    }
  }

  put(request: WriteRequest): Promise<WriteAnswer> {
    return this.#write(request)
  }

  update(request: UpdateRequest): Promise<WriteAnswer> {
    return this.#write(request)
  }

  #write(request: WriteRequest | UpdateRequest): Promise<WriteAnswer> {
    return this.#bound.run('write', this.#timeoutMs(request), () => {
      const placed = this.#place(request)
      refuseUnfit(placed.at.bucket, request)
      refuseStrongLevel(placed)
      refusePlainWrite(placed)
      this.#refuseUnknownName(placed, request)
      const session = this.#parts.sessions.pastOf(placed, request)
      // The write coordinator sends the copy again to the new owners.
      return this.#whilePlaced(placed, isRejection, (now) =>
        session === undefined
          ? this.#route(now, request)
          : this.#writeInSession(now, request, session),
      )
    })
  }

  async #writeInSession(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    session: Session,
  ): Promise<WriteAnswer> {
    const { sessions } = this.#parts
    const made = await sessions.prepare(placed, request, session)
    const answer = await this.#route(made.placed, made.request)
    return { ...answer, session: await sessions.afterWrite(placed, made.session, answer) }
  }

  /** To the coordinator here where this node may be it, else to an owner. */
  async #route(placed: PlacedRequest, request: WriteRequest | UpdateRequest): Promise<WriteAnswer> {
    const { writes, peers, clock, inReach, self, strong } = this.#parts
    if (placed.level === 'strong' && !('change' in request)) {
      return strong.write(placed, this.#withBucketTtl(placed, request))
    }
    const mayBeHere = placed.owners.includes(self) || !needsOwner(request)
    const owners = placed.owners.filter(
      (owner) => owner !== self && inReach(owner, placed.need.sloppy),
    )
    // Where the own disk takes no writes, another owner's may. With none in reach, the refusal is what to tell.
    const isForOthers = owners.length > 0 && this.#parts.diskRefusal() !== undefined
    if (mayBeHere && !isForOthers && writes.mayCoordinate(placed)) {
      try {
        return await this.#coordinate(placed, request)
      } catch (error) {
        // The first owner is the one that makes room.
        const [first] = placed.owners
        if (!(error instanceof NamesFull) || first === self || first !== owners[0]) throw error
        owners.length = 1
      }
    }
    const inTurn = soonestFirst(owners, inReach)
    for (const peer of inTurn.slice(0, 1)) this.#metrics.count('forwarded_total', { peer })
    return forwardWrite({ peers, clock }, placed, request, inTurn)
  }

  /** A write that another node sent here because this one owns the key: never sent on. */
  putForwarded(request: WriteRequest | UpdateRequest, deadlineMs: number): Promise<WriteAnswer> {
    return this.#bound.run('write', this.#leftMs(deadlineMs), () => {
      const placed = this.#placeForwarded(request, deadlineMs)
      refuseUnfit(placed.at.bucket, request)
      refusePlainWrite(placed)
      this.#refuseUnknownName(placed, request)
      if (!placed.owners.includes(this.#parts.self)) {
        throw new QuorateError('quorum_unreachable', `${this.#parts.self} does not own the key`)
      }
      return this.#coordinate(placed, request)
    })
  }

  /** An operation on a strong key that another node sent here because this one owns the key: never sent on. */
  proposeForwarded(
    request: RequestOptions,
    operation: RegisterOperation,
    deadlineMs: number,
  ): Promise<OperationAnswer> {
    const kind = operation.type === 'read' ? 'read' : 'write'
    return this.#bound.run(kind, this.#leftMs(deadlineMs), () => {
      const placed = this.#placeForwarded({ ...request, level: 'strong' }, deadlineMs)
      refuseStrongLevel(placed)
      if (!placed.owners.includes(this.#parts.self)) {
        throw new QuorateError('quorum_unreachable', `${this.#parts.self} does not own the key`)
      }
      return this.#parts.strong.proposeHere(placed, operation)
    })
  }

  async #coordinate(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
  ): Promise<WriteAnswer> {
    const { writes, sessions } = this.#parts
    const needsRead = needsQuorumRead(placed.at.bucket, request)
    const seen = needsRead ? await this.#seenBefore(placed, request) : undefined
    if ('change' in request) return writes.write(placed, { ...request, seen })
    const whole = await sessions.withWholePast(placed, request)
    return writes.write(placed, { ...this.#withBucketTtl(placed, whole), seen })
  }

  /** What the owners hold of what the request replaces or repeats, where its level promises to find that. */
  async #seenBefore(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
  ): Promise<StoredObject | undefined> {
    const { read, sessions } = this.#parts
    const { need } = placed
    const { past } = request
    if (placed.level === 'causal' && past !== undefined && needsOwner(request)) {
      return seenBefore(sessions.readWhole(placed, past))
    }
    return need.sloppy || need.r === 1 ? undefined : seenBefore(read(placed))
  }

  list(request: ListRequest): Promise<ListAnswer> {
    const timeoutMs = this.#timeoutMs(request)
    return this.#bound.run('read', timeoutMs, () => {
      this.#refuseStranger()
      const bucket = this.#bucket(request.bucket)
      return this.#parts.listing.list(bucket, request, this.#parts.clock.nowMs() + timeoutMs)
    })
  }

  /** Throws bucket_unknown. */
  locate(bucketName: string, key: string): Location {
    const bucket = this.#bucket(bucketName)
    return { bucket, key, partition: this.#parts.keeper.place(bucket, key).partition }
  }

  /** For what has to reach every owner of a key; undefined where there is no such bucket. */
  placeAll(bucketName: string, key: string, deadlineMs: number): PlacedRequest | undefined {
    if (this.#parts.keeper.bucket(bucketName) === undefined) return undefined
    const options = { bucket: bucketName, key, level: 'all', requestId: 'session' } as const
    return { ...this.#place(options), deadlineMs }
  }

  /** Resolves once every request is answered; each has a deadline. */
  drained(): Promise<void> {
    return this.#bound.drained()
  }

  /** The request under the placement that is in force now. Throws bucket_unknown. */
  placeAgain(placed: PlacedRequest): PlacedRequest {
    const { keeper } = this.#parts
    if (placed.placedAt === keeper.placedAt) return placed
    const bucket = this.#bucket(placed.at.bucket.name)
    const { owners, next, fallbacks } = keeper.place(bucket, placed.at.key)
    return { ...placed, owners, next, fallbacks, placedAt: keeper.placedAt }
  }

  #place(request: RequestOptions): PlacedRequest {
    this.#refuseStranger()
    const bucket = this.#bucket(request.bucket)
    const { keeper } = this.#parts
    const { partition, owners, next, fallbacks } = keeper.place(bucket, request.key)
    const level = request.level ?? bucket.consistency
    const timeoutMs = this.#timeoutMs(request)
    const overrides = {
      ...(request.r === undefined ? {} : { r: request.r }),
      ...(request.w === undefined ? {} : { w: request.w }),
      ...(request.sloppy === undefined ? {} : { sloppy: request.sloppy }),
    }
    return {
      at: { bucket, key: request.key, partition },
      owners,
      next,
      placedAt: keeper.placedAt,
      fallbacks,
      level,
      need: quorumNeed(level, owners.length, overrides),
      deadlineMs: Math.floor(this.#parts.clock.nowMs() + timeoutMs),
      timeoutMs,
      requestId: request.requestId,
    }
  }

  /** Throws quorum_unreachable where a node that may keep the key knows no names of updates: it would count a repeat. */
  #refuseUnknownName(placed: PlacedRequest, request: WriteRequest | UpdateRequest): void {
    if (nameOfRequest(placed.at.bucket, request) === undefined) return
    const members = [...placed.owners, ...(placed.next ?? []), ...placed.fallbacks]
    const reason = whyNoNames(this.#parts.mayBeOld(new Set(members)))
    if (reason === undefined) return
    throw new QuorateError('quorum_unreachable', reason, { retryAfterSeconds: 10 })
  }

  /** A node whose clock has just jumped may give a deadline far ahead: the write would count as pending for as long. */
  #placeForwarded(request: RequestOptions, deadlineMs: number): PlacedRequest {
    const latestMs = Math.floor(this.#parts.clock.nowMs()) + TIMEOUT_MS_MAX
    return { ...this.#place(request), deadlineMs: Math.min(deadlineMs, latestMs) }
  }

  /** The age that the bucket gives to values without one of their own. */
  #withBucketTtl(placed: PlacedRequest, request: WriteRequest): WriteRequest {
    const { ttlSeconds } = placed.at.bucket
    const { content } = request
    if (ttlSeconds === null || content.tombstone || content.expiresAtMs !== 0) return request
    const expiresAtMs = Math.floor(this.#parts.clock.nowMs() + ttlSeconds * 1000)
    return { ...request, content: { ...content, expiresAtMs } }
  }

  /** Throws not_a_member: nobody else would ever hear of what this node takes, and what it holds is out of date. */
  refuseNonMember(): void {
    const { keeper, self } = this.#parts
    if (keeper.isMember(self)) return
    throw new QuorateError('not_a_member', `${self} is no longer a member: ask another node`)
  }

  /** Throws not_a_member, also for a member that gives up what it holds. */
  #refuseStranger(): void {
    this.refuseNonMember()
    const { keeper, self } = this.#parts
    if (!keeper.isEmptying(self)) return
    throw new QuorateError('not_a_member', `${self} is leaving the cluster: ask another node`)
  }

  #bucket(name: string): Bucket {
    const bucket = this.#parts.keeper.bucket(name)
    if (bucket === undefined) {
      throw new QuorateError(
        'bucket_unknown',
        `there is no bucket ${name}: create it with PUT /v1/buckets/${name}`,
      )
    }
    return bucket
  }

  #timeoutMs({ timeoutMs }: { readonly timeoutMs?: number | undefined }): number {
    return timeoutMs ?? this.#settings.requestTimeoutMs
  }

  #leftMs(deadlineMs: number): number {
    return Math.min(TIMEOUT_MS_MAX, Math.max(0, deadlineMs - this.#parts.clock.nowMs()))
  }
}

function isAnything(): boolean {
  return true
}

/** Nothing was applied, and what was asked in vain may have moved. */
function isRejection(error: unknown): boolean {
  return error instanceof QuorateError && error.kind.outcome === 'rejected' && error.kind.retryable
}

/** Throws bad_parameter. */
function refuseStrongLevel({ level, at }: PlacedRequest): void {
  if (level !== 'strong' || at.bucket.mode === 'strong') return
  throw new QuorateError(
    'bad_parameter',
    `the level strong needs a bucket of mode strong; ${at.bucket.name} is of mode ${at.bucket.mode}`,
  )
}

/**
 * Throws bad_parameter. A plain write beside consensus would be lost, or would lose what was decided: the mixing that
 * makes light-weight transactions of others unsafe does not exist here.
 */
function refusePlainWrite({ level, at }: PlacedRequest): void {
  if (level === 'strong' || at.bucket.mode !== 'strong') return
  throw new QuorateError(
    'bad_parameter',
    `the bucket ${at.bucket.name} is of mode strong: its writes are of the level strong, not ${level}`,
  )
}
