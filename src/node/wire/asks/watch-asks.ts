/** The asks with which a node follows the logs of changes of the owners (node/watch). */
import type { Timestamp } from '../../../core/causality/dot.ts'
import { PARTITION_COUNT } from '../../../core/placement/topology.ts'
import { ANSWERED_DONE, type AskFormat, type NoFields, WITHOUT_FIELDS } from './ask-format.ts'
import { bytesIn, countIn, countsIn, textIn, wholeIn } from './fields.ts'

/** A part of the log with the number `life`. With `limit` 0, only the end of the log is asked for. */
export interface ChangesRequest {
  readonly bucket: string
  readonly prefix: string
  readonly life: number
  /** The part begins after this place. */
  readonly after: number
  /** The last place of the part; undefined for the end of the log. */
  readonly until: number | undefined
  readonly partitions: readonly number[]
  /** The largest number of keys in the answer. */
  readonly limit: number
}

export interface ChangesAnswer {
  /** The log that the node has now. If it is not the one asked for, nothing else in the answer counts. */
  readonly life: number
  /** The log was read up to this place. */
  readonly sequence: number
  readonly isEnd: boolean
  /** The owner had taken over everything up to this time. It counts with the end of the log only. */
  readonly settled: Timestamp
  /** Above every timestamp that the owner holds. */
  readonly stamp: Timestamp
  /** The owner's time, by which values have expired. */
  readonly nowMs: number
  /** Data partitions whose changes the log no longer has from `after` on. */
  readonly gone: readonly number[]
  /** Each key that has changed, once, with the head of its present record (storage/record-head.ts). */
  readonly entries: readonly { readonly key: string; readonly head: Uint8Array }[]
}

/**
 * [bucket, prefix, life, after, until or -1, bits of the partitions, limit] →
 * [life, sequence, isEnd, settled, stamp, nowMs, [gone, …], key, head, key, head, …]
 *
 * A node that does not know this ask refuses it. It then counts as a node that does not answer.
 */
export const CHANGES: AskFormat<ChangesRequest, ChangesAnswer> = {
  kind: 'changes',
  encode({ bucket, prefix, life, after, until, partitions, limit }, message) {
    message.push(bucket, prefix, life, after, until ?? -1, bitsOf(partitions), limit)
  },
  decode([bucket, prefix, life, after, until, partitions, limit]) {
    const end = wholeIn(until)
    return {
      bucket: textIn(bucket),
      prefix: textIn(prefix),
      life: countIn(life),
      after: countIn(after),
      until: end < 0 ? undefined : end,
      partitions: partitionsIn(partitions),
      limit: countIn(limit),
    }
  },
  encodeAnswer({ life, sequence, isEnd, settled, stamp, nowMs, gone, entries }, message) {
    message.push(life, sequence, isEnd, settled, stamp, nowMs, gone)
    for (const { key, head } of entries) message.push(key, head)
  },
  decodeAnswer([life, sequence, isEnd, settled, stamp, nowMs, gone, ...fields]) {
    const entries: { key: string; head: Uint8Array }[] = []
    for (let i = 0; i < fields.length; i += 2) {
      entries.push({ key: textIn(fields[i]), head: bytesIn(fields[i + 1]) })
    }
    return {
      life: countIn(life),
      sequence: countIn(sequence),
      isEnd: isEnd === true,
      settled: countIn(settled),
      stamp: countIn(stamp),
      nowMs: countIn(nowMs),
      gone: countsIn(gone),
      entries,
    }
  },
}

/** Tells a node that follows this node's log that the log has grown. It may get lost. */
export const NEWS: AskFormat<NoFields, NoFields> = {
  kind: 'news',
  isAnyEpoch: true,
  ...WITHOUT_FIELDS,
  ...ANSWERED_DONE,
}

function bitsOf(partitions: readonly number[]): Uint8Array {
  const bits = new Uint8Array(PARTITION_COUNT / 8)
  for (const partition of partitions) {
    const byte = partition >> 3
    bits[byte] = (bits[byte] as number) | (1 << (partition & 7))
  }
  return bits
}

/** In ascending order. */
function partitionsIn(field: unknown): number[] {
  const bits = bytesIn(field)
  if (bits.length !== PARTITION_COUNT / 8) throw new Error('not a set of data partitions')
  const partitions: number[] = []
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    if (((bits[partition >> 3] as number) & (1 << (partition & 7))) !== 0)
      partitions.push(partition)
  }
  return partitions
}
