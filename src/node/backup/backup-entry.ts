/** What a backup keeps of one key, from the state of the key at the cut. */
import type { BackupEntry, BackupValue } from '../../core/backup/backup-parts.ts'
import { counterValue } from '../../core/causality/counter.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { elementsOf } from '../../core/causality/element-set.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import { newestDot } from '../../core/causality/stored-object.ts'
import type { BucketMode } from '../../core/placement/topology.ts'
import type { ReadAnswer } from '../service/service.ts'

/** Undefined if the key has no live value. */
export function backupEntry(
  {
    bucket,
    mode,
    key,
  }: { readonly bucket: number; readonly mode: BucketMode; readonly key: string },
  { siblings, object }: Pick<ReadAnswer, 'siblings' | 'object'>,
  cut: Timestamp,
): BackupEntry | undefined {
  if (siblings.length === 0) return undefined
  // The vector of a strong object is a ballot. A read may raise it, so it does not tell when the value was written.
  const newest = mode === 'strong' ? (siblings.at(-1) as Sibling).timestamp : newestDot(object)
  return { bucket, key, isAfterCut: newest > cut, values: valuesOf(mode, siblings) }
}

function valuesOf(mode: BucketMode, siblings: readonly Sibling[]): BackupValue[] {
  if (mode === 'counter') return [merged(asciiOf(String(counterValue(siblings))))]
  if (mode === 'set') return elementsOf(siblings).map(merged)
  return siblings.map(({ timestamp, expiresAtMs, contentType, value }) => ({
    timestamp,
    expiresAtMs,
    contentType,
    value,
  }))
}

/** A value that comes from many writes, so it has no timestamp. */
function merged(value: Uint8Array): BackupValue {
  return { timestamp: 0, expiresAtMs: 0, contentType: '', value }
}

function asciiOf(digits: string): Uint8Array {
  return Uint8Array.from(digits, (character) => character.charCodeAt(0))
}
