/**
 * Updates of counters and sets: which requests are valid, and how an update changes a copy. In every other respect an
 * update is an ordinary write.
 *
 * Unlike a blind write, an update replaces nothing that it has not seen. So it needs no second round.
 */
import { dotsOfIncrement, type Folding, incrementCounter } from '../../core/causality/counter.ts'
import type { Dot } from '../../core/causality/dot.ts'
import { changeSet, ELEMENT_BYTES_MAX } from '../../core/causality/element-set.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { UpdateName } from '../../core/causality/update-name.ts'
import { QuorateError } from '../../core/errors.ts'
import { labelOf } from '../../core/placement/bucket-name.ts'
import { type Bucket, isTypeMode } from '../../core/placement/topology.ts'
import type { Copy } from '../wire/object-record.ts'
import type { TypeChange, UpdateRequest, WriteRequest } from '../service/service.ts'

/** Elements in one set. An update that only removes elements is always allowed. */
export const ELEMENTS_MAX = 10_000
/** The default limit for the record of a set. */
export const SET_BYTES_MAX = 1_048_576

const utf8 = new TextEncoder()

/** Throws mode_mismatch or bad_request, before anything is applied. */
export function refuseUnfit(bucket: Bucket, request: WriteRequest | UpdateRequest): void {
  const mismatch = (message: string): QuorateError => new QuorateError('mode_mismatch', message)
  const { mode } = bucket
  const name = labelOf(bucket.name)
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

/** The number of dots that the request needs. `name`: the name of an update with an idempotency key. */
export function dotsNeeded(
  request: WriteRequest | UpdateRequest,
  name: UpdateName | undefined,
): number {
  if (!('change' in request)) return 1
  if (request.change.type === 'counter') return dotsOfIncrement(name)
  return Math.max(1, new Set(request.change.add).size)
}

/** Applies the update to the known object. Throws limit_reached if a counter would leave the range of exact numbers. */
export function changedObject(
  known: StoredObject,
  dots: readonly Dot[],
  { change }: UpdateRequest,
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
