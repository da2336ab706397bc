/**
 * Updates of counters and sets: which requests are valid, and how an update changes a copy. In every other respect an
 * update is an ordinary write.
 *
 * Unlike a blind write, an update replaces nothing that it has not seen. So it needs no second round.
 */
import { dotsOfIncrement, type Folding, incrementCounter } from '../../core/causality/counter.ts'
import type { Dot } from '../../core/causality/dot.ts'
import { changeSet, ELEMENT_BYTES_MAX } from '../../core/causality/element-set.ts'
import { merge, type StoredObject } from '../../core/causality/stored-object.ts'
import type { UpdateName } from '../../core/causality/update-name.ts'
import { QuorateError } from '../../core/errors.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import type { Copy } from '../wire/object-record.ts'
import type { ReadAnswer, TypeChange, UpdateRequest, WriteRequest } from '../service/service.ts'

/** Elements in one set. An update that only removes elements is always allowed. */
export const ELEMENTS_MAX = 10_000
/** The default limit for the record of a set. */
export const SET_BYTES_MAX = 1_048_576

const utf8 = new TextEncoder()

/** An update before it is minted. `seen`: the object that a quorum read found first, if the update needed that read. */
export interface PlannedUpdate extends UpdateRequest {
  readonly seen?: StoredObject | undefined
}

/** A write before it is minted. `seen` is used by the delete of a counter. */
export interface PlannedWrite extends WriteRequest {
  readonly seen?: StoredObject | undefined
}

/** Throws mode_mismatch or bad_request, before anything is applied. */
export function refuseUnfit(bucket: Bucket, request: WriteRequest | UpdateRequest): void {
  const mismatch = (message: string): QuorateError => new QuorateError('mode_mismatch', message)
  const { name, mode } = bucket
  if ('change' in request) {
    if (request.change.type !== mode) {
      throw mismatch(
        `a ${request.change.type} cannot be updated in the bucket ${name} of mode ${mode}`,
      )
    }
    refuseBadChange(request.change)
  } else if (isTypeMode(mode) && !request.content.tombstone) {
    throw mismatch(
      `the bucket ${name} is of mode ${mode}, which takes no plain writes: POST its updates`,
    )
  }
}

/** Whether only an owner can coordinate the request, because another node cannot see the elements that it removes. */
export function needsOwner(request: WriteRequest | UpdateRequest): boolean {
  return 'change' in request && request.change.type === 'set' && request.change.remove.length > 0
}

/** Whether the coordinator must first read at a quorum, because the request replaces or repeats earlier updates. */
export function needsQuorumRead({ mode }: Bucket, request: WriteRequest | UpdateRequest): boolean {
  if (needsOwner(request)) return true
  if (mode !== 'counter' || request.context !== undefined) return false
  return !('change' in request) || request.idempotencyKey !== undefined
}

/**
 * Waits for the quorum read that a request builds on. A removal needs it because an element that was acknowledged at a
 * quorum may not have arrived here yet: the removal would miss it, and be acknowledged. A counter's idempotency keys
 * have the same problem. Rejects with quorum_unreachable.
 */
export async function seenBefore(read: Promise<ReadAnswer>): Promise<StoredObject | undefined> {
  try {
    return (await read).object
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error
    const message = `the value that the request builds on could not be read, nothing was applied: ${error.message}`
    throw new QuorateError('quorum_unreachable', message, error.details, { cause: error })
  }
}

export function dotsNeeded(
  request: WriteRequest | PlannedUpdate,
  name: UpdateName | undefined,
): number {
  if (!('change' in request)) return 1
  if (request.change.type === 'counter') return dotsOfIncrement(name)
  return Math.max(1, new Set(request.change.add).size)
}

/** Everything known about the key here: this node's own copy, merged with the result of the quorum read. */
export function knownObject(
  held: StoredObject,
  request: PlannedWrite | PlannedUpdate,
): StoredObject {
  return request.seen === undefined ? held : merge('siblings', held, request.seen)
}

/** Applies the update to the known object. Throws limit_reached if a counter would leave the range of exact numbers. */
export function changedObject(
  known: StoredObject,
  dots: readonly Dot[],
  { change }: PlannedUpdate,
  folding: Folding,
  name: UpdateName | undefined,
): StoredObject {
  if (change.type === 'set') {
    return changeSet(known, dots, bytesOf(change.add), bytesOf(change.remove))
  }
  const next = incrementCounter(known, dots, change.increment, folding, name)
  if (next !== undefined) return next
  throw new QuorateError(
    'limit_reached',
    `the increment ${change.increment} would take the counter out of the range of exact numbers, ` +
      `${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
  )
}

/** Throws limit_reached if a set grows beyond the limit of elements or bytes. */
export function refuseLargeSet(
  known: StoredObject,
  heldBytes: number,
  next: Copy,
  bytesMax: number,
): void {
  const elements = next.object.siblings.length
  if (elements > ELEMENTS_MAX && elements > known.siblings.length) {
    throw new QuorateError(
      'limit_reached',
      `the set would have ${elements} elements; at most ${ELEMENTS_MAX} are kept`,
    )
  }
  const bytes = next.record.length
  if (bytes > bytesMax && bytes > heldBytes) {
    throw new QuorateError(
      'limit_reached',
      `the set would take ${bytes} bytes; at most ${bytesMax} are kept`,
    )
  }
}

function refuseBadChange(change: TypeChange): void {
  const bad = (message: string): QuorateError => new QuorateError('bad_request', message)
  if (change.type === 'counter') {
    if (Number.isSafeInteger(change.increment)) return
    throw bad(
      `increment must be a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
    )
  }
  const { add, remove } = change
  if (add.length + remove.length === 0) throw bad('the update adds nothing and removes nothing')
  if (add.length + remove.length > ELEMENTS_MAX) {
    throw bad(
      `the update names ${add.length + remove.length} elements; at most ${ELEMENTS_MAX} are allowed`,
    )
  }
  for (const element of [...add, ...remove]) {
    const bytes = utf8.encode(element).length
    if (bytes === 0) throw bad('an element is empty')
    if (bytes > ELEMENT_BYTES_MAX) {
      throw bad(`an element has ${bytes} bytes; at most ${ELEMENT_BYTES_MAX} bytes are allowed`)
    }
    if (!element.isWellFormed())
      throw bad('an element has half a surrogate pair: not valid Unicode')
  }
  const adding = new Set(add)
  if (remove.some((element) => adding.has(element))) {
    throw bad('the update adds and removes the same element')
  }
}

/** The UTF-8 bytes of each distinct element. */
function bytesOf(elements: readonly string[]): Uint8Array[] {
  return Array.from(new Set(elements), (element) => utf8.encode(element))
}
