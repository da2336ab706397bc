/** The asks with which copies move to other owners during a change of the members. */
import { PARTITION_COUNT } from '../../../core/placement/topology.ts'
import type { AskFormat } from './ask-format.ts'
import { bytesIn, countIn, textIn } from './fields.ts'

export interface StreamRequest {
  readonly partition: number
  /** The page begins behind this storage key; '' for the first page. */
  readonly after: string
}

export interface StreamPage {
  readonly records: readonly StreamedRecord[]
  /** Pass it with the next request; undefined after the last page. */
  readonly next: string | undefined
}

export interface StreamedRecord {
  readonly storageKey: string
  readonly record: Uint8Array
}

/** Asks for a page of a data partition's records. [partition, after] → [next or null, storage key, record, …] */
export const STREAM: AskFormat<StreamRequest, StreamPage> = {
  kind: 'stream',
  encode({ partition, after }, message) {
    message.push(partition, after)
  },
  decode([partition, after]) {
    if (countIn(partition) >= PARTITION_COUNT) throw new Error('not a data partition')
    return { partition: countIn(partition), after: textIn(after) }
  },
  encodeAnswer({ next, records }, message) {
    message.push(next ?? null)
    for (const { storageKey, record } of records) message.push(storageKey, record)
  },
  decodeAnswer([next, ...fields]) {
    const records: StreamedRecord[] = []
    for (let i = 0; i < fields.length; i += 2) {
      records.push({ storageKey: textIn(fields[i]), record: bytesIn(fields[i + 1]) })
    }
    return { next: next === null ? undefined : textIn(next), records }
  },
}
