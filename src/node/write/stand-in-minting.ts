/**
 * Mints the writes of a node that does not own the key: of mode lww with its own actor, for there a dot is no more than
 * a timestamp; else as a stand-in, on top of what this node has written of the key since it last reached an owner.
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
import { dotsNeeded, needsOwner, type PlannedUpdate, type PlannedWrite } from './type-change.ts'
import { madeBefore, nameOfRequest } from './update-names.ts'

/** A client gets the whole vector as a token of about 18 characters an entry, and has to send it in a header. */
const VECTOR_ENTRIES_MAX = 256

export interface StandInParts {
  readonly timestamps: (count: number) => Promise<Timestamp[]>
  /** The actor of this life. */
  readonly actor: () => string
  /** Whether this node may still keep something that old for others. */
  readonly mayKeep: (timestamp: Timestamp) => boolean
  /** The copy after the request, made by the holder of `held`. */
  readonly make: (
    placed: PlacedRequest,
    held: StoredObject,
    dots: readonly Dot[],
    request: PlannedWrite | PlannedUpdate,
  ) => Copy
}

/** The object that a write has made. */
export interface MintedCopy {
  readonly copy: Copy
  readonly dot: Dot
  /** The update that the request repeats: the copy has it, and nothing new. */
  readonly repeats?: NamedUpdate | undefined
  /** What to tell of an error with which the write ended, where that takes more than the error. */
  readonly endWith?: ((error: unknown) => unknown) | undefined
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
   * `begin` notes the first timestamp as pending. `refuseLate` throws once the client has been told that the write was
   * rejected: later writes are made on top of what is made here, and would bring it along. Rejects with a `QuorateError`,
   * before anything was stored.
   */
  async mint(
    placed: PlacedRequest,
    request: PlannedWrite | PlannedUpdate,
    begin: (timestamp: Timestamp) => PendingDot,
    refuseLate: () => void,
  ): Promise<MintedCopy & { readonly pending: PendingDot }> {
    assert(!needsOwner(request), 'what removes elements is minted by owners only')
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

  /** One of its owners is in reach, which may delete what was written without it: the next write begins anew. */
  letGo({ at }: PlacedRequest): void {
    this.#copies.letGo(dataKey(at.partition, at.bucket.name, at.key))
  }

  /** The same for all keys of that owner. */
  ownerReturned(owner: string): void {
    this.#copies.letGoOf(owner)
  }

  #make(
    placed: PlacedRequest,
    request: PlannedWrite | PlannedUpdate,
    times: readonly Timestamp[],
  ): MintedCopy {
    const { actor: actorOf, make, mayKeep } = this.#parts
    const { at, placedAt } = placed
    const [first, last] = [times[0] as Timestamp, times.at(-1) as Timestamp]
    const dotsOf = (actor: string): Dot[] => times.map((timestamp) => ({ actor, timestamp }))
    const own = actorOf()
    if (modeOf(at.bucket) === 'lww') {
      const dots = dotsOf(own)
      return { copy: make(placed, ABSENT, dots, blindTo(request, ABSENT)), dot: dots[0] as Dot }
    }
    const key = dataKey(at.partition, at.bucket.name, at.key)
    const known = this.#copies.find(key, last, placedAt, mayKeep)
    const name = nameOfRequest(at.bucket, request)
    const repeats = known && name && madeBefore(known.object, name)
    if (known !== undefined && repeats !== undefined) {
      // A new object, so that a rejection of the first request does not take back what this repeat may have stored.
      const copy = encodeCopy(this.#codec, { ...known.object })
      return { copy, dot: repeats.dot, repeats, endWith: this.#copies.advance(key, known, copy) }
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
    return { copy, dot: dots[0] as Dot, endWith: this.#copies.advance(key, standIn, copy) }
  }
}

/** A blind write replaces what its node has seen of the key: no more than it wrote itself, and what the session has. */
function blindTo(
  request: PlannedWrite | PlannedUpdate,
  { vector }: StoredObject,
): PlannedWrite | PlannedUpdate {
  if ('change' in request || request.context !== undefined) return request
  return { ...request, context: joinVectors(vector, request.past ?? EMPTY_VECTOR) }
}

/** Throws quorum_unreachable. */
function refuseLongVector({ vector }: StoredObject): void {
  if (vector.size <= VECTOR_ENTRIES_MAX) return
  throw new QuorateError(
    'quorum_unreachable',
    `the history of the key names ${vector.size} writers, and grows until its owners are in reach again; ` +
      `at most ${VECTOR_ENTRIES_MAX} are written without them; nothing was applied`,
    { retryAfterSeconds: 10 },
  )
}
