/** Reads a backup to its end, and tells what is in it. Nothing of a file may be used before that. */
import type { BackupHeader, BackupTotals } from '../core/backup/backup-parts.ts'
import { BackupReader } from '../core/backup/backup-reader.ts'

export interface VerifiedBackup {
  readonly header: BackupHeader
  readonly totals: BackupTotals
}

/** Rejects with `BackupRefused` if the backup is not whole. `onBytes` is told how far it has come. */
export async function verifyBackup(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<VerifiedBackup> {
  const reader = new BackupReader()
  let bytes = 0
  for await (const piece of pieces) {
    reader.push(piece)
    bytes += piece.length
    onBytes(bytes)
  }
  const totals = reader.finish()
  return { header: reader.header as BackupHeader, totals }
}
