/**
 * Finds the owners of a request's key under the topology in force, and finds them again after the placement has
 * changed. Refuses requests at a node that is no member.
 */
import { QuorateError } from '../../core/errors.ts'
import { labelOf } from '../../core/placement/bucket-name.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import { quorumNeed } from '../../core/quorum/level.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { closedWords } from '../replica/closed-bucket.ts'
import type { Location } from '../replica/replica.ts'
import type { RequestOptions } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { type PlacedRequest, TIMEOUT_MS_MAX } from './placed-request.ts'

export interface RequestPlacerParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly clock: NodeClock
  /** The timeout of a request that names none. */
  readonly requestTimeoutMs: number
}

export class RequestPlacer {
  readonly #parts: RequestPlacerParts

  constructor(parts: RequestPlacerParts) {
    this.#parts = parts
  }

  /** The version of the placement in force (topology-keeper.ts). */
  get placementVersion(): number {
    return this.#parts.keeper.placementVersion
  }

  /** Throws not_a_member, bucket_unknown, or bad_parameter. */
  place(request: RequestOptions): PlacedRequest {
    this.refuseStranger()
    const bucket = this.bucket(request.bucket)
    const { keeper } = this.#parts
    const { partition, owners, next, fallbacks } = keeper.place(bucket, request.key)
    const level = request.level ?? bucket.consistency
    const timeoutMs = this.timeoutMs(request)
    return {
      at: { bucket, key: request.key, partition },
      owners,
      next,
      placementVersion: keeper.placementVersion,
      fallbacks,
      level,
      need: quorumNeed(level, owners.length, request),
      deadlineMs: Math.floor(this.#parts.clock.nowMs() + timeoutMs),
      timeoutMs,
      requestId: request.requestId,
      span: request.span,
    }
  }

  /**
   * Bounds the deadline: a sender whose clock has jumped may name one far ahead, and the write would stay pending until
   * then.
   */
  placeForwarded(request: RequestOptions, deadlineMs: number): PlacedRequest {
    const latestMs = Math.floor(this.#parts.clock.nowMs()) + TIMEOUT_MS_MAX
    return { ...this.place(request), deadlineMs: Math.min(deadlineMs, latestMs) }
  }

  /** Places a request that has to reach every owner of a key. Undefined if there is no such bucket. */
  placeAll(bucketName: string, key: string, deadlineMs: number): PlacedRequest | undefined {
    if (this.#parts.keeper.bucket(bucketName) === undefined) return undefined
    const options = { bucket: bucketName, key, level: 'all', requestId: 'session' } as const
    return { ...this.place(options), deadlineMs }
  }

  /**
   * Returns the request under the placement now in force; the same object if the placement has not changed. Throws
   * bucket_unknown.
   */
  placeAgain(placed: PlacedRequest): PlacedRequest {
    const { keeper } = this.#parts
    const bucket = this.bucket(placed.at.bucket.name)
    if (placed.placementVersion === keeper.placementVersion) return placed
    const { owners, next, fallbacks } = keeper.place(bucket, placed.at.key)
    return { ...placed, owners, next, fallbacks, placementVersion: keeper.placementVersion }
  }

  /** Whether the owners of the request's key have changed since it was placed, or its bucket is gone. */
  isOutdated(placed: PlacedRequest): boolean {
    const isMoved = placed.placementVersion !== this.#parts.keeper.placementVersion
    return isMoved || this.#parts.keeper.bucket(placed.at.bucket.name) === undefined
  }

  /** The error bucket_unknown if the bucket of the request was deleted since it was placed. */
  whyGone({ at }: PlacedRequest): QuorateError | undefined {
    const { name } = at.bucket
    return this.#parts.keeper.bucket(name) === undefined ? this.#unknownBucket(name) : undefined
  }

  /** Throws not_ready while the bucket takes no writes, because its deletion has begun. */
  refuseClosed({ at }: PlacedRequest): void {
    const { name } = at.bucket
    if (!this.#parts.keeper.isClosed(name)) return
    throw new QuorateError('not_ready', closedWords(name), { retryAfterSeconds: 1 })
  }

  /** Throws bucket_unknown. */
  locate(bucketName: string, key: string): Location {
    const bucket = this.bucket(bucketName)
    return { bucket, key, partition: this.#parts.keeper.place(bucket, key).partition }
  }

  /** The bucket with that name, which need not be its label. Throws bucket_unknown. */
  bucket(name: string): Bucket {
    const bucket = this.#parts.keeper.bucket(name)
    if (bucket === undefined) throw this.#unknownBucket(name)
    return bucket
  }

  #unknownBucket(name: string): QuorateError {
    const label = labelOf(name)
    const why = this.#parts.keeper.isDeleted(name)
      ? `the bucket ${label} was deleted`
      : `there is no bucket ${label}`
    const message = `${why}: create it with PUT /v1/buckets/${label}`
    return new QuorateError('bucket_unknown', message)
  }

  timeoutMs({ timeoutMs }: { readonly timeoutMs?: number | undefined }): number {
    return timeoutMs ?? this.#parts.requestTimeoutMs
  }

  /** Throws not_a_member: a removed node holds outdated copies, and no member would learn of its writes. */
  refuseNonMember(): void {
    const { keeper, self } = this.#parts
    if (keeper.isMember(self)) return
    throw new QuorateError('not_a_member', `${self} is no longer a member: ask another node`)
  }

  /** Throws not_a_member, also for a member that is handing over its copies in order to leave. */
  refuseStranger(): void {
    this.refuseNonMember()
    const { keeper, self } = this.#parts
    if (!keeper.isEmptying(self)) return
    throw new QuorateError('not_a_member', `${self} is leaving the cluster: ask another node`)
  }
}
