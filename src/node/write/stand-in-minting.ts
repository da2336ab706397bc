/**
 * Mints the writes of a node that does not own the key. In mode lww it uses the node's own actor, because there a dot is
 * only a timestamp. In other modes it uses a stand-in actor, and makes each write on top of this node's writes of the
 * key since it last reached an owner.
 */
import { assert } from '../../core/assert.ts'
import type { Dot, Timestamp } from '../../core/causality/dot.ts'
import { oneOffActor, standInActor } from '../../core/causality/stand-in-actor.ts'
import { ABSENT, type StoredObject } from '../../core/causality/stored-object.ts'
import type { NamedUpdate } from '../../core/causality/update-name.ts'
import { EMPTY_VECTOR, joinVectors } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Codec } from '../../ports/codec.ts'
import { type Copy, encodeCopy } from '../wire/object-record.ts'
import type { PendingDot } from '../replica/pending-dots.ts'
import { modeOf } from '../replica/replica.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import { StandInCopies } from './stand-in-copies.ts'
import { dataKey } from '../storage/storage-keys.ts'
import { needsOwner, type PlannedRequest } from './planned-request.ts'
import { dotsNeeded } from './type-change.ts'
import { madeBefore, nameOfRequest } from './update-names.ts'

/** The client sends the whole vector back in a header, as a token of about 18 characters an entry. */
const VECTOR_ENTRIES_MAX = 256

export interface StandInParts {
  readonly timestamps: (count: number) => Promise<Timestamp[]>
  /** The actor of this life of the node. */
  readonly actor: () => string
  /** Whether this node may still keep a write of that time for other nodes. */
  readonly mayKeep: (timestamp: Timestamp) => boolean
  /** Applies the request to `held`. */
  readonly make: (
    placed: PlacedRequest,
    held: StoredObject,
    dots: readonly Dot[],
    request: PlannedRequest,
  ) => Copy
}

/** The copy that a write has made. */
export interface MintedCopy {
  readonly copy: Copy
  readonly dot: Dot
  /** The earlier update that this request repeats. The copy contains that update, and nothing new. */
  readonly repeats?: NamedUpdate | undefined
  /** Maps an error of the write to the error that the client gets; undefined if they are the same. */
  readonly errorFor?: ((error: unknown) => unknown) | undefined
}

export class StandInMinting {
  readonly #codec: Codec
  readonly #parts: StandInParts
  readonly #copies = new StandInCopies()

  constructor(codec: Codec, parts: StandInParts) {
    this.#codec = codec
    this.#parts = parts
  }

  /**
   * `begin` records the first timestamp as pending. `refuseLate` throws if the client was already told that the write is
   * rejected, because later writes are made on top of this one and would carry it along. Rejects with a `QuorateError`
   * before anything is stored.
   */
  async mint(
    placed: PlacedRequest,
    request: PlannedRequest,
    begin: (timestamp: Timestamp) => PendingDot,
    refuseLate: () => void,
  ): Promise<MintedCopy & { readonly pending: PendingDot }> {
    assert(!needsOwner(request), 'only owners mint a removal of set elements')
    const name = nameOfRequest(placed.at.bucket, request)
    const times = await this.#parts.timestamps(dotsNeeded(request, name))
    const pending = begin(times[0] as Timestamp)
    try {
      refuseLate()
      return { ...this.#make(placed, request, times), pending }
    } catch (error) {
      pending.release()
      throw error
    }
  }

  /**
   * Call this when an owner of the key is in reach. The next write of a stand-in then uses a new actor, because the
   * owner may delete what was written without it.
   */
  letGo({ at }: PlacedRequest): void {
    this.#copies.letGo(dataKey(at.partition, at.bucket.name, at.key))
  }

  /** Does the same for all keys of that owner. */
  ownerReturned(owner: string): void {
    this.#copies.letGoOf(owner)
  }

  #make(placed: PlacedRequest, request: PlannedRequest, times: readonly Timestamp[]): MintedCopy {
    const { actor: actorOf, make, mayKeep } = this.#parts
    const { at, placementVersion } = placed
    const [first, last] = [times[0] as Timestamp, times.at(-1) as Timestamp]
    const dotsOf = (actor: string): Dot[] => times.map((timestamp) => ({ actor, timestamp }))
    const own = actorOf()
    if (modeOf(at.bucket) === 'lww') {
      const dots = dotsOf(own)
      return { copy: make(placed, ABSENT, dots, blindTo(request, ABSENT)), dot: dots[0] as Dot }
    }
    const key = dataKey(at.partition, at.bucket.name, at.key)
    const known = this.#copies.find(key, last, placementVersion, mayKeep)
    const name = nameOfRequest(at.bucket, request)
    const repeats = known && name && madeBefore(known.object, name)
    if (known !== undefined && repeats !== undefined) {
      // This is a new object: a rejection of the first request must not take back what this repeat may have stored.
      const copy = encodeCopy(this.#codec, { ...known.object })
      return { copy, dot: repeats.dot, repeats, errorFor: this.#copies.advance(key, known, copy) }
    }
    // Another write of this key got newer timestamps first, so this write uses a one-off actor.
    if (known !== undefined && (known.object.vector.get(known.actor) ?? 0) >= first) {
      const dots = dotsOf(oneOffActor(own, first))
      return { copy: make(placed, ABSENT, dots, blindTo(request, ABSENT)), dot: dots[0] as Dot }
    }
    const standIn = known ?? this.#copies.begin(standInActor(own, first), placed)
    const dots = dotsOf(standIn.actor)
    const copy = make(placed, standIn.object, dots, blindTo(request, standIn.object))
    refuseLongVector(copy.object)
    return { copy, dot: dots[0] as Dot, errorFor: this.#copies.advance(key, standIn, copy) }
  }
}

/** Gives a blind write a context: what this stand-in wrote of the key, and what the client's session has seen of it. */
function blindTo(request: PlannedRequest, { vector }: StoredObject): PlannedRequest {
  if ('change' in request || request.context !== undefined) return request
  return { ...request, context: joinVectors(vector, request.past ?? EMPTY_VECTOR) }
}

/** Throws quorum_unreachable. */
function refuseLongVector({ vector }: StoredObject): void {
  if (vector.size <= VECTOR_ENTRIES_MAX) return
  throw new QuorateError(
    'quorum_unreachable',
    `the history of the key names ${vector.size} writers; without an owner of the key in reach, ` +
      `it may name at most ${VECTOR_ENTRIES_MAX}; nothing was applied`,
    { retryAfterSeconds: 10 },
  )
}
