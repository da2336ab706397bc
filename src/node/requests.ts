/**
 * The entry point for clients' requests at a node. It finds the owners of the key and the quorum that the level needs,
 * bounds the requests under way, and hands each to a coordinator or to an owner.
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
import { type PeerReach, soonestFirst, usableNodes } from './peers/peer-reach.ts'
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
  readonly reach: PeerReach
  /** Selects the members that may speak an older version of the protocol. */
  readonly mayBeOld: (members: Iterable<string>) => string[]
  /** Why this node's disk takes no writes; undefined if it takes them. */
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

  /** Client requests whose work has not ended yet. */
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
   * Repeats a request whose placement changed while it ran: an answer of the old owners may lack writes that the new
   * owners have acknowledged. `mayRepeat` decides whether this error, or an answer (undefined), allows a repeat.
   */
  async #whilePlaced<T>(
    first: PlacedRequest,
    mayRepeat: (error: unknown) => boolean,
    run: (placed: PlacedRequest) => Promise<T>,
  ): Promise<T> {
    for (let placed = first; ;) {
      try {
        const answer = await run(placed)
        if (
          placed.placementVersion === this.#parts.keeper.placementVersion ||
          !mayRepeat(undefined)
        )
          return answer
      } catch (error) {
        if (placed.placementVersion === this.#parts.keeper.placementVersion || !mayRepeat(error))
          throw error
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

  /** Coordinates the write here if this node may do so; otherwise forwards it to an owner. */
  async #route(placed: PlacedRequest, request: WriteRequest | UpdateRequest): Promise<WriteAnswer> {
    const { writes, peers, clock, reach, self, strong } = this.#parts
    if (placed.level === 'strong' && !('change' in request)) {
      return strong.write(placed, this.#withBucketTtl(placed, request))
    }
    const mayBeHere = placed.owners.includes(self) || !needsOwner(request)
    const others = placed.owners.filter((owner) => owner !== self)
    const owners = usableNodes(others, reach, placed.need.sloppy)
    // If this node's disk takes no writes, another owner's disk may. If none is in reach, report the local refusal.
    const isForOthers = owners.length > 0 && this.#parts.diskRefusal() !== undefined
    if (mayBeHere && !isForOthers && writes.mayCoordinate(placed)) {
      try {
        return await this.#coordinate(placed, request)
      } catch (error) {
        // Only the first owner makes room for new names, so the write goes to that owner.
        const [first] = placed.owners
        if (!(error instanceof NamesFull) || first === self || first !== owners[0]) throw error
        owners.length = 1
      }
    }
    const inTurn = soonestFirst(owners, reach)
    for (const peer of inTurn.slice(0, 1)) this.#metrics.count('forwarded_total', { peer })
    return forwardWrite({ peers, clock }, placed, request, inTurn)
  }

  /** Runs a write that another node forwarded because this node owns the key. It is never forwarded again. */
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

  /** Runs an operation on a strong key that another node forwarded to this owner. It is never forwarded again. */
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

  /** The owners' value that the request replaces or repeats; undefined if its level does not promise to find it. */
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

  /** Places a request that has to reach every owner of a key. Undefined if there is no such bucket. */
  placeAll(bucketName: string, key: string, deadlineMs: number): PlacedRequest | undefined {
    if (this.#parts.keeper.bucket(bucketName) === undefined) return undefined
    const options = { bucket: bucketName, key, level: 'all', requestId: 'session' } as const
    return { ...this.#place(options), deadlineMs }
  }

  /** Resolves once every request is answered. It always does, because each request has a deadline. */
  drained(): Promise<void> {
    return this.#bound.drained()
  }

  /** Returns the request under the placement now in force. Throws bucket_unknown. */
  placeAgain(placed: PlacedRequest): PlacedRequest {
    const { keeper } = this.#parts
    if (placed.placementVersion === keeper.placementVersion) return placed
    const bucket = this.#bucket(placed.at.bucket.name)
    const { owners, next, fallbacks } = keeper.place(bucket, placed.at.key)
    return { ...placed, owners, next, fallbacks, placementVersion: keeper.placementVersion }
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
      placementVersion: keeper.placementVersion,
      fallbacks,
      level,
      need: quorumNeed(level, owners.length, overrides),
      deadlineMs: Math.floor(this.#parts.clock.nowMs() + timeoutMs),
      timeoutMs,
      requestId: request.requestId,
    }
  }

  /**
   * Throws quorum_unreachable if a node that may keep the key does not know names of updates: it would count a repeat
   * twice.
   */
  #refuseUnknownName(placed: PlacedRequest, request: WriteRequest | UpdateRequest): void {
    if (nameOfRequest(placed.at.bucket, request) === undefined) return
    const members = [...placed.owners, ...(placed.next ?? []), ...placed.fallbacks]
    const reason = whyNoNames(this.#parts.mayBeOld(new Set(members)))
    if (reason === undefined) return
    throw new QuorateError('quorum_unreachable', reason, { retryAfterSeconds: 10 })
  }

  /**
   * Bounds the deadline: a sender whose clock has jumped may name one far ahead, and the write would stay pending until
   * then.
   */
  #placeForwarded(request: RequestOptions, deadlineMs: number): PlacedRequest {
    const latestMs = Math.floor(this.#parts.clock.nowMs()) + TIMEOUT_MS_MAX
    return { ...this.#place(request), deadlineMs: Math.min(deadlineMs, latestMs) }
  }

  /** Adds the bucket's default time to live to a value that has none of its own. */
  #withBucketTtl(placed: PlacedRequest, request: WriteRequest): WriteRequest {
    const { ttlSeconds } = placed.at.bucket
    const { content } = request
    if (ttlSeconds === null || content.tombstone || content.expiresAtMs !== 0) return request
    const expiresAtMs = Math.floor(this.#parts.clock.nowMs() + ttlSeconds * 1000)
    return { ...request, content: { ...content, expiresAtMs } }
  }

  /** Throws not_a_member: a removed node holds outdated copies, and no member would learn of its writes. */
  refuseNonMember(): void {
    const { keeper, self } = this.#parts
    if (keeper.isMember(self)) return
    throw new QuorateError('not_a_member', `${self} is no longer a member: ask another node`)
  }

  /** Throws not_a_member, also for a member that is handing over its copies in order to leave. */
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

/** Whether nothing was applied and a repeat, perhaps at other owners, may succeed. */
function isRejection(error: unknown): boolean {
  return error instanceof QuorateError && error.kind.outcome === 'rejected' && error.kind.retryable
}

/** Throws bad_parameter. */
function refuseStrongLevel({ level, at }: PlacedRequest): void {
  if (level !== 'strong' || at.bucket.mode === 'strong') return
  throw new QuorateError(
    'bad_parameter',
    `level strong needs a bucket of mode strong; bucket ${at.bucket.name} has mode ${at.bucket.mode}`,
  )
}

/**
 * Throws bad_parameter. A plain write to a register would be lost, or would undo a decided write. Other stores allow
 * this mix beside their light-weight transactions, which makes those unsafe; this store refuses it.
 */
function refusePlainWrite({ level, at }: PlacedRequest): void {
  if (level === 'strong' || at.bucket.mode !== 'strong') return
  throw new QuorateError(
    'bad_parameter',
    `bucket ${at.bucket.name} has mode strong: use level strong for its writes, not ${level}`,
  )
}
