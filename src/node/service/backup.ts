/** A backup, as a client asks for it and gets it (node/backup/README.md). */
import type { BackupEntry, BackupHeader, Coverage } from '../../core/backup/backup-parts.ts'

export interface BackupRequest {
  /** Undefined means all. They exist. */
  readonly buckets: readonly string[] | undefined
  readonly covers: Coverage
  /** Writes acknowledged before this time are covered. Undefined means now. */
  readonly atMs: number | undefined
  /** How long the backup may wait for its cut. */
  readonly timeoutMs: number
  /** Whether nobody waits for the backup any more. It then gives up its cut. */
  readonly isGivenUp: () => boolean
}

export interface BackupStream {
  readonly header: BackupHeader
  /**
   * Every key that was live at the cut, in the order of the buckets and of their keys. Rejects if a snapshot cannot be
   * read.
   */
  readonly entries: AsyncIterable<BackupEntry>
  /** Releases the snapshots. Call it in any case. Idempotent. */
  readonly close: () => void
}
