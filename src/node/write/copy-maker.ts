/**
 * Applies a client's write or update to what is held of its key, and encodes the copy. It refuses a copy that would be
 * too large for its key. It also decides how far a counter may fold the entries of several actors into one.
 */
import { namesAfterDelete } from '../../core/causality/counter.ts'
import type { Dot, Timestamp } from '../../core/causality/dot.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import { liveSiblings, type StoredObject, write } from '../../core/causality/stored-object.ts'
import { covers, joinVectors, type VersionVector } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import { isTypeMode } from '../../core/placement/topology.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { modeOf } from '../replica/replica.ts'
import { refuseTooManyBytes, SIBLINGS_MAX, SIBLINGS_WARN } from '../replica/sibling-limits.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import { type Copy, encodeCopy } from '../wire/object-record.ts'
import type { PlannedRequest, PlannedUpdate, PlannedWrite } from './planned-request.ts'
import { changedObject, refuseLargeSet } from './type-change.ts'
import { nameOfRequest, refuseManyNames } from './update-names.ts'
import type { WriteParts } from './write-parts.ts'

export class CopyMaker {
  readonly #codec: Codec
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #parts: WriteParts
  /** No earlier actor of this node has minted a dot above this timestamp. */
  #actorSince: Timestamp
  /** The placement under which a counter was last changed here. */
  #placementVersion = 0
  /** When a counter was first changed here under that placement. */
  #placementSince: Timestamp = 0

  constructor(ports: { codec: Codec; log: Log; metrics: Metrics }, parts: WriteParts) {
    this.#codec = ports.codec
    this.#log = ports.log
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#actorSince = parts.clock.last
  }

  /**
   * Makes the copy with these dots. `heldBytes`: the size of the record that it replaces. Throws limit_reached,
   * too_many_siblings or overloaded.
   */
  make(
    placed: PlacedRequest,
    known: StoredObject,
    dots: readonly Dot[],
    request: PlannedRequest,
    heldBytes = 0,
  ): Copy {
    return 'change' in request
      ? this.#changed(placed, known, dots, request, heldBytes)
      : this.#written(placed, known, dots[0] as Dot, request)
  }

  /** The node continues as a new actor. */
  actorChanged(): void {
    this.#actorSince = this.#parts.clock.last
  }

  #written(placed: PlacedRequest, held: StoredObject, dot: Dot, request: PlannedWrite): Copy {
    const { bucket, partition } = placed.at
    const { context, past } = request
    // A blind write of a session also replaces what the session has seen, even if that has not arrived here yet.
    const seen = context ?? (past && joinVectors(held.vector, past))
    const settled = this.#settled(partition)
    const content =
      bucket.mode === 'counter'
        ? { ...request.content, value: this.#namesOf(held, seen, settled, dot, placed, request) }
        : request.content
    const object = write(modeOf(bucket), held, dot, content, seen)
    if (isTypeMode(bucket.mode)) refuseManyNames(held, object)
    else this.#refuseTooManySiblings(placed, object)
    const copy = encodeCopy(this.#codec, object)
    if (!isTypeMode(bucket.mode)) refuseTooManyBytes(held, copy, this.#parts.objectBytesMax)
    return copy
  }

  /** The update names that the tombstone of a deleted counter remembers. */
  #namesOf(
    held: StoredObject,
    seen: VersionVector | undefined,
    settled: Timestamp,
    dot: Dot,
    { at }: PlacedRequest,
    request: PlannedWrite,
  ): Uint8Array {
    const isReplaced = (one: Sibling): boolean => seen === undefined || covers(seen, one)
    const replaced = held.siblings.filter(isReplaced)
    const kept = held.siblings.filter((one) => !isReplaced(one))
    const name = nameOfRequest(at.bucket, request)
    const existed = liveSiblings(held, this.#parts.clock.nowMs()).length > 0
    const kind = existed ? 'deleted a value' : 'deleted nothing'
    return namesAfterDelete(replaced, kept, settled, name && { ...name, dot, kind })
  }

  #changed(
    placed: PlacedRequest,
    known: StoredObject,
    dots: readonly Dot[],
    request: PlannedUpdate,
    heldBytes: number,
  ): Copy {
    const { self, setBytesMax } = this.#parts
    const { bucket, partition } = placed.at
    const folding = {
      nodeId: self,
      settled: this.#settled(partition),
      foldsForAll: this.#foldsForAll(placed),
    }
    const name = nameOfRequest(bucket, request)
    const changed = changedObject(known, dots, request, folding, name)
    const copy = encodeCopy(this.#codec, changed)
    if (request.change.type === 'set') refuseLargeSet(known, heldBytes, copy, setBytesMax)
    else refuseManyNames(known, changed)
    return copy
  }

  #refuseTooManySiblings(placed: PlacedRequest, object: StoredObject): void {
    const count = object.siblings.length
    if (count <= SIBLINGS_WARN) return
    const refuse = count > SIBLINGS_MAX
    this.#metrics.count('siblings_limit_total', { limit: refuse ? 'refuse' : 'warn' })
    const fields = { bucket: placed.at.bucket.name, siblings: count, requestId: placed.requestId }
    this.#log.warn(fields, 'a key has many siblings')
    if (!refuse) return
    throw new QuorateError(
      'too_many_siblings',
      `the key has ${count - 1} siblings, at most ${SIBLINGS_MAX} are kept: read it, and write once with its context`,
    )
  }

  /**
   * The timestamp up to which a counter may fold the entries of this node's earlier actors into the current actor's.
   * It is 0 until the horizon has passed the end of the last earlier actor: from then on this node holds everything
   * that those actors wrote.
   */
  #settled(partition: number): Timestamp {
    const horizon = this.#parts.horizon(partition)
    return horizon > this.#actorSince ? horizon : 0
  }

  /**
   * Whether this node may fold the totals of one-off actors, and named increments (core/causality/counter.ts). Only one node at a time may: the
   * first owner, while the key does not move. A new first owner waits until its horizon has passed the change of
   * placement, because from then on it holds everything that the previous first owner folded. Having owned the key
   * earlier is not enough.
   */
  #foldsForAll({ at, owners, next }: PlacedRequest): boolean {
    const { clock, horizon, placer, self } = this.#parts
    if (this.#placementVersion !== placer.placementVersion) {
      this.#placementVersion = placer.placementVersion
      this.#placementSince = clock.last
    }
    return owners[0] === self && next === undefined && horizon(at.partition) > this.#placementSince
  }
}
