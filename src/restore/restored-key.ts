/**
 * Restores one key: reads it, compares, and writes what is missing, by ordinary requests of a client.
 * node/backup/README.md says which requests these are, and why.
 *
 * Invariant: without `overwrite`, a value that the cluster holds is never replaced. In mode lww this needs that no
 * client writes the key at the same moment.
 *
 * A key may be restored again at any time, also after an attempt that ended in the middle: that writes only what is
 * missing.
 */
import type { Handles } from '../client/handles.ts'
import { type Format, UsageError } from '../client/quorate.ts'
import type { BackupEntry, BackupHeader, BackupValue } from '../core/backup/backup-parts.ts'
import type { Bucket } from '../core/placement/topology.ts'

/**
 * Makes one request: `request` gets the handles of the client, or of a batch, and the options that bound the request.
 */
export type Ask = <T>(
  request: (handles: Handles, bounds: { readonly signal?: AbortSignal | undefined }) => Promise<T>,
) => Promise<T>

export interface KeyRestoreParts {
  readonly ask: Ask
  readonly header: BackupHeader
  /** Whether values of the cluster that differ from the backup are replaced. */
  readonly overwrite: boolean
  /** Whether nothing is written. */
  readonly isDry: boolean
  readonly nowMs: () => number
}

/**
 * `written`: the key was absent, or lacked siblings. `replaced`: it held something else. `same`: it holds the values of
 * the backup. `kept`: it holds something else, and still does. `expired`: the values of the backup have expired.
 */
export type KeyOutcome = 'written' | 'replaced' | 'same' | 'kept' | 'expired'

/** The context of a write that replaces nothing. */
const NOTHING_SEEN = 'none'
/** Bounds the elements that one request adds. */
const ELEMENTS_AT_ONCE = 256
/** How often a counter may be deleted or changed, and restored again, before the store forgets its idempotency keys. */
const GENERATIONS_MAX = 64

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Rejects with an error of the client. */
export async function restoreKey(parts: KeyRestoreParts, entry: BackupEntry): Promise<KeyOutcome> {
  const bucket = parts.header.buckets[entry.bucket] as Bucket
  const nowMs = parts.nowMs()
  const values = entry.values.filter(({ expiresAtMs }) => expiresAtMs === 0 || expiresAtMs > nowMs)
  if (values.length === 0) return 'expired'
  const live: LiveEntry = { bucket: bucket.name, key: entry.key, values }
  switch (bucket.mode) {
    case 'siblings':
      return restoreSiblings(parts, live)
    case 'lww':
      return restoreNewest(parts, live)
    case 'strong':
      return restoreStrong(parts, live)
    case 'counter':
      return restoreCounter(parts, live)
    case 'set':
      return restoreSet(parts, live)
    default:
      return bucket.mode satisfies never
  }
}

interface LiveEntry {
  readonly bucket: string
  readonly key: string
  readonly values: readonly BackupValue[]
}

interface Typed {
  readonly value: Uint8Array<ArrayBuffer>
  readonly contentType: string
}

async function restoreSiblings(
  { ask, overwrite, isDry, nowMs }: KeyRestoreParts,
  { bucket, key, values }: LiveEntry,
): Promise<KeyOutcome> {
  const read = await ask((handles, bounds) =>
    handles.bucket(bucket, { format: asStored('') }).get(key, { consistency: 'quorum', ...bounds }),
  )
  const { missing, others } = compare(
    values,
    read.siblings.map(({ value }) => value),
  )
  if (missing.length === 0 && others === 0) return 'same'
  if (others > 0 && !overwrite) return 'kept'
  const outcome = others > 0 ? 'replaced' : 'written'
  if (isDry) return outcome
  let context = others > 0 ? read.context : NOTHING_SEEN
  for (const value of others > 0 ? values : missing) {
    const options = { consistency: 'quorum', context, ttlSeconds: ttlOf(value, nowMs()) } as const
    await ask((handles, bounds) =>
      handles
        .bucket(bucket, { format: asStored(value.contentType) })
        .put(key, typed(value), { ...options, ...bounds }),
    )
    context = NOTHING_SEEN
  }
  return outcome
}

async function restoreNewest(
  { ask, overwrite, isDry, nowMs }: KeyRestoreParts,
  { bucket, key, values }: LiveEntry,
): Promise<KeyOutcome> {
  const value = values.at(-1) as BackupValue
  const format = asStored(value.contentType)
  const read = await ask((handles, bounds) =>
    handles.bucket(bucket, { format }).get(key, { consistency: 'quorum', ...bounds }),
  )
  const { missing, others } = compare(
    [value],
    read.siblings.map((sibling) => sibling.value),
  )
  if (missing.length === 0) return 'same'
  if (others > 0 && !overwrite) return 'kept'
  if (!isDry) {
    const options = {
      consistency: 'quorum',
      idempotent: true,
      ttlSeconds: ttlOf(value, nowMs()),
    } as const
    await ask((handles, bounds) =>
      handles.bucket(bucket, { format }).put(key, typed(value), { ...options, ...bounds }),
    )
  }
  return others > 0 ? 'replaced' : 'written'
}

async function restoreStrong(
  { ask, overwrite, isDry, nowMs }: KeyRestoreParts,
  { bucket, key, values }: LiveEntry,
): Promise<KeyOutcome> {
  const value = values.at(-1) as BackupValue
  const format = asStored(value.contentType)
  const { value: held, etag } = await ask((handles, bounds) =>
    handles.strong(bucket, { format }).get(key, bounds),
  )
  if (held !== undefined && isSame(value, held)) return 'same'
  if (held !== undefined && !overwrite) return 'kept'
  const outcome = held === undefined ? 'written' : 'replaced'
  if (isDry) return outcome
  const options = { ttlSeconds: ttlOf(value, nowMs()) }
  const swap = await ask((handles, bounds) =>
    handles
      .strong(bucket, { format })
      .compareAndSet(key, etag, typed(value), { ...options, ...bounds }),
  )
  // A client has written it since the read, so its value is newer than the backup.
  return swap.isSet ? outcome : 'kept'
}

/**
 * An increment whose outcome is unknown may still arrive. So a repeated restore sends it under the same idempotency
 * key, and a quorum counts it once. Once the store has answered it, the increment has counted. If the counter does not
 * hold the wanted value then, it was deleted or changed after the increment. So the restore adds what is missing now,
 * under the key of the next generation.
 */
async function restoreCounter(
  { ask, header, overwrite, isDry }: KeyRestoreParts,
  { bucket, key, values }: LiveEntry,
): Promise<KeyOutcome> {
  const wanted = Number(utf8.decode((values[0] as BackupValue).value))
  const get = (consistency: 'quorum' | 'all'): Promise<number> =>
    ask((handles, bounds) => handles.counters(bucket).get(key, { consistency, ...bounds }))
  let held = await get('quorum')
  if (held === wanted) return 'same'
  const outcome = held === 0 ? 'written' : 'replaced'
  for (let generation = 0; generation < GENERATIONS_MAX; generation++) {
    if (held !== 0 && !overwrite) return 'kept'
    if (isDry) return outcome
    const idempotencyKey = `restore ${header.clusterId} ${header.cut} ${generation}`
    const missing = wanted - held
    const isAtQuorum = await countOnce(() =>
      ask((handles, bounds) =>
        handles
          .counters(bucket, { consistency: 'quorum' })
          .increment(key, missing, { idempotencyKey, ...bounds }),
      ),
    )
    held = await get(isAtQuorum ? 'quorum' : 'all')
    if (held === wanted) return outcome
  }
  return 'kept'
}

/**
 * Resolves with false if an increment of another size has counted under the same idempotency key. Perhaps only one owner
 * holds that increment, so a read at quorum could miss it.
 */
async function countOnce(increment: () => Promise<unknown>): Promise<boolean> {
  try {
    await increment()
    return true
  } catch (error) {
    const isReused = error instanceof UsageError && error.code === 'idempotency_key_reused'
    if (!isReused) throw error
    return false
  }
}

async function restoreSet(
  { ask, overwrite, isDry }: KeyRestoreParts,
  { bucket, key, values }: LiveEntry,
): Promise<KeyOutcome> {
  const wanted = new Set(values.map(({ value }) => utf8.decode(value)))
  const consistency = 'quorum'
  const held = await ask((handles, bounds) =>
    handles.sets(bucket, { consistency }).get(key, bounds),
  )
  const add = [...wanted].filter((element) => !held.has(element))
  const remove = [...held].filter((element) => !wanted.has(element))
  if (add.length + remove.length === 0) return 'same'
  if (held.size > 0 && !overwrite) return 'kept'
  const outcome = held.size === 0 ? 'written' : 'replaced'
  if (isDry) return outcome
  for (let at = 0; at < add.length; at += ELEMENTS_AT_ONCE) {
    const some = add.slice(at, at + ELEMENTS_AT_ONCE)
    await ask((handles, bounds) =>
      handles.sets(bucket, { consistency }).add(key, some, { idempotent: true, ...bounds }),
    )
  }
  for (let at = 0; at < remove.length; at += ELEMENTS_AT_ONCE) {
    const some = remove.slice(at, at + ELEMENTS_AT_ONCE)
    await ask((handles, bounds) =>
      handles.sets(bucket, { consistency }).remove(key, some, { idempotent: true, ...bounds }),
    )
  }
  return outcome
}

/** The values of the backup that the key lacks, and how many others it holds. Each held value matches one at most. */
function compare(
  wanted: readonly BackupValue[],
  held: readonly Typed[],
): { missing: readonly BackupValue[]; others: number } {
  const left = [...held]
  const missing = wanted.filter((value) => {
    const at = left.findIndex((other) => isSame(value, other))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return { missing, others: left.length }
}

function isSame({ value, contentType }: BackupValue, held: Typed): boolean {
  return (
    contentType === held.contentType &&
    value.length === held.value.length &&
    value.every((byte, i) => byte === held.value[i])
  )
}

function ttlOf({ expiresAtMs }: BackupValue, nowMs: number): number | undefined {
  return expiresAtMs === 0 ? undefined : Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000))
}

function typed({ value, contentType }: BackupValue): Typed {
  return { value: Uint8Array.from(value), contentType }
}

/** Values as bytes with their content type. `contentType` is that of writes. */
function asStored(contentType: string): Format<Typed> {
  return {
    contentType,
    encode: ({ value }) => value,
    decode: (value, found) => ({ value, contentType: found }),
  }
}
