/**
 * The names of updates in buckets of mode counter, as a coordinator uses them: whether a request repeats an update that
 * is known here, and whether the counter has room for one more name (core/causality/update-name.ts).
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

/** When a counter that has no room for a new name is worth asking again: names are dropped one by one. */
const RETRY_AFTER_SECONDS = 30

/** Undefined where the request has no idempotency key, or its bucket keeps names in another way. */
export function nameOfRequest(
  { mode }: Bucket,
  { idempotencyKey, fingerprint }: WriteRequest | UpdateRequest,
): UpdateName | undefined {
  if (mode !== 'counter' || idempotencyKey === undefined) return undefined
  return nameOfKey(idempotencyKey, fingerprint)
}

/** The update that was made under the name, as far as is known here. Throws idempotency_key_reused. */
export function madeBefore({ siblings }: StoredObject, name: UpdateName): NamedUpdate | undefined {
  const made = findNamed(siblings, name.id)
  if (made !== undefined && isOtherRequest(made.fingerprint, name.fingerprint)) throw keyReused()
  return made
}

/** Throws `NamesFull` where a counter would have to remember too many names. */
export function refuseManyNames(before: StoredObject, after: StoredObject): void {
  const count = countNames(after.siblings)
  if (count > NAMES_MAX && count > countNames(before.siblings)) throw new NamesFull()
}

/** Nothing was applied. The first owner of the key may have older names to drop, and room then. */
export class NamesFull extends QuorateError {
  constructor() {
    super(
      'overloaded',
      `the counter remembers ${NAMES_MAX} idempotency keys, each for ${NAME_WINDOW_MS / 60_000} minutes and until every ` +
        'owner has its update; nothing was applied: send the request later, or without a key',
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    )
  }
}
