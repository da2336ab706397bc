/**
 * Restores a backup into a cluster, which may be empty or in use. The file is read twice, because nothing may be written
 * before it was read to its end and found whole.
 *
 * A restore may be repeated at any time. It then reads every key again, and writes only what is missing.
 */
import {
  type BucketInfo,
  type Quorate,
  UnknownOutcomeError,
  UsageError,
} from '../client/quorate.ts'
import type { BackupEntry, BackupHeader } from '../core/backup/backup-parts.ts'
import { BackupReader } from '../core/backup/backup-reader.ts'
import { KeyGroup } from './key-group.ts'
import { type Ask, type KeyOutcome, restoreKey } from './restored-key.ts'
import { verifyBackup } from './verify-backup.ts'

export interface RestoreOptions {
  readonly client: Quorate
  /** Opens the file from its beginning. Called twice. */
  readonly open: () => AsyncIterable<Uint8Array>
  readonly overwrite: boolean
  readonly isDry: boolean
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (report: RestoreReport, keys: number) => void
}

export type RestoreReport = Readonly<Record<KeyOutcome, number>> & {
  /** Keys that no request can name, such as `..` with a value that is too large for a batch: each with the reason. */
  readonly impossible: readonly {
    readonly bucket: string
    readonly key: string
    readonly why: string
  }[]
}

/** A bucket of the cluster cannot take the keys of the backup. Nothing was written. */
export class BucketMismatch extends Error {}

/** So many keys are read by one request, and written by one request. */
const GROUP_KEYS_MAX = 32
/** A batch has room for 1 MiB, and bytes grow by a third in it. A larger key is restored by requests of its own. */
const GROUP_BYTES_MAX = 262_144
const GROUPS_AT_ONCE = 4
/** How often a key is read and written again after a write whose outcome is unknown. */
const ATTEMPTS_MAX = 5

/** Rejects with `BackupRefused`, `BucketMismatch`, or an error of the client. */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { client, open, overwrite, isDry, nowMs, signal, onProgress } = options
  const { header, totals, deletedBuckets } = await verifyBackup(open())
  const isKept = (bucket: string): boolean => !deletedBuckets.includes(bucket)
  const kept = header.buckets.filter(({ name }) => isKept(name))
  const missing = await missingBuckets(client, kept)
  if (!isDry)
    for (const { name, ...bucket } of missing) await client.createBucket(name, bucket, { signal })
  const nameOf = ({ bucket }: BackupEntry): string => header.buckets[bucket]?.name ?? ''
  const absent = new Set(missing.map(({ name }) => name))
  const restoreBy = (ask: Ask, entry: BackupEntry): Promise<KeyOutcome> =>
    restoreKey({ ask, header, overwrite, isDry, nowMs }, entry)
  const alone: Ask = (request) => request(client, { signal })
  const outcomeOf = async (
    entry: BackupEntry,
    group: KeyGroup | undefined,
  ): Promise<KeyOutcome> => {
    try {
      // In a dry run the bucket was not created, so it has no key to read.
      if (isDry && absent.has(nameOf(entry))) return 'written'
      if (group !== undefined) return await restoreBy(group.ask, entry)
    } catch (error) {
      if (signal?.aborted === true) throw error
    } finally {
      group?.leave()
    }
    return untilKnown(() => restoreBy(alone, entry))
  }
  const counts = { written: 0, replaced: 0, same: 0, kept: 0, expired: 0 }
  const impossible: { bucket: string; key: string; why: string }[] = []
  const restoreOne = async (entry: BackupEntry, group: KeyGroup | undefined): Promise<void> => {
    const bucket = nameOf(entry)
    try {
      counts[await outcomeOf(entry, group)]++
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof UsageError)) throw error
      impossible.push({ bucket, key: entry.key, why: error.message })
    }
    onProgress?.({ ...counts, impossible }, totals.keys)
  }
  const running = new Set<Promise<unknown>>()
  // Failures are kept here, because a group may fail while nobody awaits it.
  const failures: unknown[] = []
  for await (const entries of groupsOf(open(), (entry) => isKept(nameOf(entry)))) {
    while (running.size >= GROUPS_AT_ONCE) await Promise.race(running)
    if (failures.length > 0) throw failures[0]
    const isTooLarge = bytesOf(entries) > GROUP_BYTES_MAX
    const group = isTooLarge ? undefined : new KeyGroup(client, entries.length, signal)
    const all = Promise.all(entries.map((entry) => restoreOne(entry, group)))
      .catch((error: unknown) => void failures.push(error))
      .finally(() => running.delete(all))
    running.add(all)
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
  return { ...counts, impossible }
}

/** Groups of keys that fit into a batch. A key that is too large for a batch is a group of its own. */
async function* groupsOf(
  pieces: AsyncIterable<Uint8Array>,
  isWanted: (entry: BackupEntry) => boolean,
): AsyncGenerator<readonly BackupEntry[], void, undefined> {
  const reader = new BackupReader()
  let group: BackupEntry[] = []
  for await (const piece of pieces) {
    for (const entry of reader.push(piece)) {
      if (!isWanted(entry)) continue
      const isFull = group.length === GROUP_KEYS_MAX || bytesOf([...group, entry]) > GROUP_BYTES_MAX
      if (isFull && group.length > 0) {
        yield group
        group = []
      }
      group.push(entry)
    }
  }
  reader.finish()
  if (group.length > 0) yield group
}

/** The size of all values. */
function bytesOf(entries: readonly BackupEntry[]): number {
  return entries.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value.length, 0)
}

/** The buckets to create. Throws `BucketMismatch`. */
async function missingBuckets(
  client: Quorate,
  buckets: BackupHeader['buckets'],
): Promise<readonly BucketInfo[]> {
  const missing: BucketInfo[] = []
  for (const bucket of buckets) {
    const held = await client.bucketInfo(bucket.name)
    if (held === undefined) missing.push(bucket)
    else if (held.mode !== bucket.mode) {
      throw new BucketMismatch(
        `bucket ${bucket.name} has mode ${held.mode} in the cluster and ${bucket.mode} in the backup`,
      )
    }
  }
  return missing
}

/** Restoring a key again does no harm, so an unknown outcome is settled by the next attempt. */
async function untilKnown(attempt: () => Promise<KeyOutcome>): Promise<KeyOutcome> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof UnknownOutcomeError) || attempts === ATTEMPTS_MAX) throw error
    }
  }
}
