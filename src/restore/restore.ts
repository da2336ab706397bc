/**
 * Restores a backup into a cluster, which may be empty or in use. The file is read twice, because nothing may be
 * written before it was read to its end and found whole.
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
import { type VerifiedBackup, verifyBackup } from './verify-backup.ts'

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
  const { client, open, isDry, signal } = options
  const backup = await verifyBackup(open())
  const { header, deletedBuckets } = backup
  const isKept = (bucket: string): boolean => !deletedBuckets.includes(bucket)
  const missing = await missingBuckets(
    client,
    header.buckets.filter(({ name }) => isKept(name)),
  )
  if (!isDry) {
    for (const { name, ...bucket } of missing) await client.createBucket(name, bucket, { signal })
  }
  const run = new RestoreRun(options, backup, new Set(missing.map(({ name }) => name)))
  for await (const entries of groupsOf(open(), (entry) => isKept(bucketOf(header, entry)))) {
    await run.begin(entries)
  }
  return run.end()
}

/** Restores groups of keys, several groups at a time, and counts what became of each key. */
class RestoreRun {
  readonly #options: RestoreOptions
  readonly #backup: VerifiedBackup
  /** Buckets that the cluster did not have. */
  readonly #absent: ReadonlySet<string>
  readonly #counts = { written: 0, replaced: 0, same: 0, kept: 0, expired: 0 }
  readonly #impossible: { bucket: string; key: string; why: string }[] = []
  readonly #running = new Set<Promise<unknown>>()
  /** Failures are kept here, because a group may fail while nobody awaits it. */
  readonly #failures: unknown[] = []

  constructor(options: RestoreOptions, backup: VerifiedBackup, absent: ReadonlySet<string>) {
    this.#options = options
    this.#backup = backup
    this.#absent = absent
  }

  /** Resolves once the group has begun. Rejects if an earlier group has failed. */
  async begin(entries: readonly BackupEntry[]): Promise<void> {
    while (this.#running.size >= GROUPS_AT_ONCE) await Promise.race(this.#running)
    this.#throwFailure()
    const { client, signal } = this.#options
    const isTooLarge = bytesOf(entries) > GROUP_BYTES_MAX
    const group = isTooLarge ? undefined : new KeyGroup(client, entries.length, signal)
    const all = Promise.all(entries.map((entry) => this.#restore(entry, group)))
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#running.delete(all))
    this.#running.add(all)
  }

  /** Waits for all groups. */
  async end(): Promise<RestoreReport> {
    await Promise.all(this.#running)
    this.#throwFailure()
    return this.#report()
  }

  async #restore(entry: BackupEntry, group: KeyGroup | undefined): Promise<void> {
    const { header, totals } = this.#backup
    try {
      this.#counts[await this.#outcomeOf(entry, group)]++
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof UsageError)) throw error
      const bucket = bucketOf(header, entry)
      this.#impossible.push({ bucket, key: entry.key, why: error.message })
    }
    this.#options.onProgress?.(this.#report(), totals.keys)
  }

  async #outcomeOf(entry: BackupEntry, group: KeyGroup | undefined): Promise<KeyOutcome> {
    const { client, overwrite, isDry, nowMs, signal } = this.#options
    const { header } = this.#backup
    const restoreBy = (ask: Ask): Promise<KeyOutcome> =>
      restoreKey({ ask, header, overwrite, isDry, nowMs }, entry)
    try {
      // In a dry run the bucket was not created, so it has no key to read.
      if (isDry && this.#absent.has(bucketOf(header, entry))) return 'written'
      if (group !== undefined) return await restoreBy(group.ask)
    } catch (error) {
      if (signal?.aborted === true) throw error
    } finally {
      group?.leave()
    }
    return untilKnown(() => restoreBy((request) => request(client, { signal })))
  }

  #report(): RestoreReport {
    return { ...this.#counts, impossible: this.#impossible }
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
  }
}

function bucketOf({ buckets }: BackupHeader, { bucket }: BackupEntry): string {
  return buckets[bucket]?.name ?? ''
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
