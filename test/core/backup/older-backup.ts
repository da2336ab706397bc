/** A backup file as nodes of older versions wrote it: its end mark may name buckets whose entries do not count. */
import {
  addEntry,
  type BackupEntry,
  type BackupHeader,
  encodeEntry,
  encodeJson,
  END_KIND,
  ENTRY_KIND,
  HEADER_KIND,
  NO_TOTALS,
} from '../../../src/core/backup/backup-parts.ts'
import { FIRST_LINE, FrameWriter } from '../../../src/core/backup/frame-chain.ts'

export function olderBackup(
  header: BackupHeader,
  entries: readonly BackupEntry[],
  deletedBuckets: readonly string[],
): Uint8Array[] {
  const frames = new FrameWriter()
  const totals = entries.reduce(addEntry, NO_TOTALS)
  return [
    new TextEncoder().encode(FIRST_LINE),
    frames.frame(HEADER_KIND, encodeJson(header)),
    ...entries.map((entry) => frames.frame(ENTRY_KIND, encodeEntry(entry))),
    frames.frame(END_KIND, encodeJson({ ...totals, deletedBuckets })),
  ]
}
