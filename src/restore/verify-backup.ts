/** Reads a backup to its end, and tells what is in it. Nothing of a file may be used before that. */
import type { BackupHeader, BackupTotals } from '../core/backup/backup-parts.ts'
import { BackupReader } from '../core/backup/backup-reader.ts'

export { BackupRefused } from '../core/backup/backup-refused.ts'

export interface VerifiedBackup {
  readonly header: BackupHeader
  readonly totals: BackupTotals
}

/** Checks a backup that arrives in pieces. Both methods throw `BackupRefused`. */
export class BackupVerifier {
  readonly #reader = new BackupReader()

  push(piece: Uint8Array): void {
    this.#reader.push(piece)
  }

  finish(): VerifiedBackup {
    const totals = this.#reader.finish()
    return { header: this.#reader.header as BackupHeader, totals }
  }
}

/** Rejects with `BackupRefused` if the backup is not whole. */
export async function verifyBackup(pieces: AsyncIterable<Uint8Array>): Promise<VerifiedBackup> {
  const verifier = new BackupVerifier()
  for await (const piece of pieces) verifier.push(piece)
  return verifier.finish()
}
