/**
 * Restores a backup into a cluster, empty or living. The file is read twice: nothing is written before it was read to
 * its end and found whole.
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
import { type KeyOutcome, type RestoredBackup, restoreKey } from './restored-key.ts'
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
  /** Keys that no client can send, such as `..`: each with the reason. */
  readonly impossible: readonly {
    readonly bucket: string
    readonly key: string
    readonly why: string
  }[]
}

/** A bucket of the cluster cannot take the keys of the backup. Nothing was written. */
export class BucketMismatch extends Error {}

const KEYS_AT_ONCE = 16
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
  const absent = new Set(missing.map(({ name }) => name))
  const backup: RestoredBackup = { client, header, overwrite, isDry, nowMs, signal }
  const counts = { written: 0, replaced: 0, same: 0, kept: 0, expired: 0 }
  const impossible: { bucket: string; key: string; why: string }[] = []
  const restoreOne = async (entry: BackupEntry): Promise<void> => {
    const bucket = header.buckets[entry.bucket]?.name ?? ''
    try {
      // In a dry run the bucket was not created, so it has no key to read.
      const isNew = isDry && absent.has(bucket)
      counts[isNew ? 'written' : await untilKnown(() => restoreKey(backup, entry))]++
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof UsageError)) throw error
      impossible.push({ bucket, key: entry.key, why: error.message })
    }
    onProgress?.({ ...counts, impossible }, totals.keys)
  }
  const reader = new BackupReader()
  const running = new Set<Promise<void>>()
  // Kept here, because a key may fail while nobody awaits it.
  const failures: unknown[] = []
  for await (const piece of open()) {
    for (const entry of reader.push(piece)) {
      if (!isKept(header.buckets[entry.bucket]?.name ?? '')) continue
      while (running.size >= KEYS_AT_ONCE) await Promise.race(running)
      if (failures.length > 0) throw failures[0]
      const one = restoreOne(entry)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(one))
      running.add(one)
    }
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
  reader.finish()
  return { ...counts, impossible }
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
