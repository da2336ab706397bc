/** Reads a backup to its end, and tells what is in it. No entry of a file may be used before that. */
import type { BackupHeader } from '../core/backup/backup-parts.ts'
import { BackupReader, type ReadBackup } from '../core/backup/backup-reader.ts'

export { BackupRefused } from '../core/backup/backup-refused.ts'

export interface VerifiedBackup extends ReadBackup {
  readonly header: BackupHeader
}

/** Checks a backup that arrives in pieces. Both methods throw `BackupRefused`. */
export class BackupVerifier {
  readonly #reader = new BackupReader()

  push(piece: Uint8Array): void {
    this.#reader.push(piece)
  }

  finish(): VerifiedBackup {
    const read = this.#reader.finish()
    return { header: this.#reader.header as BackupHeader, ...read }
  }
}

/** Rejects with `BackupRefused` if the backup is not whole. */
export async function verifyBackup(pieces: AsyncIterable<Uint8Array>): Promise<VerifiedBackup> {
  const verifier = new BackupVerifier()
  for await (const piece of pieces) verifier.push(piece)
  return verifier.finish()
}
