/** How commands tell what is in a backup. */
import type { VerifiedBackup } from '../../restore/verify-backup.ts'

export function backupJson(
  file: string,
  { header, totals, deletedBuckets }: VerifiedBackup,
): object {
  const { clusterId, covers, cutMs, buckets } = header
  const names = buckets.map(({ name }) => name).filter((name) => !deletedBuckets.includes(name))
  return { file, clusterId, covers, cut: isoTime(cutMs), buckets: names, deletedBuckets, ...totals }
}

export function backupLines(
  file: string,
  { header, totals, deletedBuckets }: VerifiedBackup,
): string[] {
  const { covers, cutMs, buckets } = header
  const { keys, valueBytes, keysAfterCut } = totals
  const promise =
    covers === 'all'
      ? 'It has every write that was acknowledged before'
      : 'It has every write that a majority of the owners had acknowledged before'
  return [
    `${file}: ${keys} keys of ${buckets.length - deletedBuckets.length} buckets, ${valueBytes} bytes of values`,
    `${promise} ${isoTime(cutMs)}.`,
    ...(keysAfterCut === 0
      ? []
      : [`${keysAfterCut} keys were written after that: the backup has their newer state.`]),
    ...deletedBuckets.map(
      (name) => `Bucket ${name} was deleted while the backup was made, so it is left out.`,
    ),
  ]
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
