/**
 * In a bucket of mode counter, an update with an idempotency key carries a name (core/causality/update-name.ts). This
 * file decides whether a request repeats an update that is known here, and whether the counter has room for another
 * name.
 */
import type { StoredObject } from '../../core/causality/stored-object.ts'
import {
  countNames,
  findNamed,
  isOtherRequest,
  NAME_WINDOW_MS,
  type NamedUpdate,
  NAMES_MAX,
  nameOfKey,
  type UpdateName,
} from '../../core/causality/update-name.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { UpdateRequest, WriteRequest } from '../service/service.ts'
import { keyReused } from '../round/placed-request.ts'

/** A client should retry after this time if the counter has no room for a new name. Names are dropped one by one. */
const RETRY_AFTER_SECONDS = 30

/** Returns undefined if the request has no idempotency key, or if its bucket is not of mode counter. */
export function nameOfRequest(
  { mode }: Bucket,
  { idempotencyKey, fingerprint }: WriteRequest | UpdateRequest,
): UpdateName | undefined {
  if (mode !== 'counter' || idempotencyKey === undefined) return undefined
  return nameOfKey(idempotencyKey, fingerprint)
}

/** Finds an earlier update of this name in the copy. Throws idempotency_key_reused if it was made by another request. */
export function madeBefore({ siblings }: StoredObject, name: UpdateName): NamedUpdate | undefined {
  const made = findNamed(siblings, name.id)
  if (made !== undefined && isOtherRequest(made.fingerprint, name.fingerprint)) throw keyReused()
  return made
}

/** Throws `NamesFull` if the counter would have to remember too many names. */
export function refuseManyNames(before: StoredObject, after: StoredObject): void {
  const count = countNames(after.siblings)
  if (count > NAMES_MAX && count > countNames(before.siblings)) throw new NamesFull()
}

/** Nothing was applied. The first owner of the key may still have room, because it may drop old names. */
export class NamesFull extends QuorateError {
  constructor() {
    super(
      'overloaded',
      `the counter remembers ${NAMES_MAX} idempotency keys, each for ${NAME_WINDOW_MS / 60_000} minutes and until every ` +
        'owner has its update; nothing was applied: retry the request later, or send it without a key',
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    )
  }
}
