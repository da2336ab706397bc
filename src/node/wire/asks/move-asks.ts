/** The asks with which copies move to other owners during a change of the members. */
import { PARTITION_COUNT } from '../../../core/placement/topology.ts'
import type { NodeMove } from '../../service/service.ts'
import { ANSWERED_DONE, type AskFormat, type NoFields, WITHOUT_FIELDS } from './ask-format.ts'
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

export interface TookOverRequest {
  readonly placementVersion: number
}

/**
 * Tells the receiver that the sender has copied all that the receiver held, under this placement (release.ts). No answer
 * is expected. [placementVersion]
 */
export const TOOK_OVER: AskFormat<TookOverRequest, NoFields> = {
  kind: 'took-over',
  encode: ({ placementVersion }, message) => void message.push(placementVersion),
  decode: ([placementVersion]) => ({ placementVersion: countIn(placementVersion) }),
  ...ANSWERED_DONE,
}

export interface MovesAnswer {
  /** Undefined if the node has no part in the change. */
  readonly progress: MoveProgress | undefined
}

/** The work of the node for the change of the members, and how much of it is done. */
export type MoveProgress = Omit<NodeMove, 'node'>

/**
 * Asks for the node's progress in a change of the members (moves-view.ts). [] → [] or [state, partitions,
 * partitionsDone, keys, bytes, secondsLeft or null, waitsFor]
 */
export const MOVES: AskFormat<NoFields, MovesAnswer> = {
  kind: 'moves',
  isAnyEpoch: true,
  ...WITHOUT_FIELDS,
  encodeAnswer({ progress }, message) {
    if (progress === undefined) return
    const { state, partitions, partitionsDone, keys, bytes, secondsLeft, waitsFor } = progress
    message.push(state, partitions, partitionsDone, keys, bytes, secondsLeft, waitsFor)
  },
  decodeAnswer(fields) {
    if (fields.length === 0) return { progress: undefined }
    const [state, partitions, partitionsDone, keys, bytes, secondsLeft, waitsFor] = fields
    if (!isMoveState(state)) throw new Error('not a state of a move')
    return {
      progress: {
        state,
        partitions: countIn(partitions),
        partitionsDone: countIn(partitionsDone),
        keys: countIn(keys),
        bytes: countIn(bytes),
        secondsLeft: secondsLeft === null ? null : countIn(secondsLeft),
        waitsFor: textIn(waitsFor),
      },
    }
  },
}

const MOVE_STATES: ReadonlySet<unknown> = new Set<NodeMove['state']>([
  'streaming',
  'comparing',
  'waiting',
  'releasing',
  'emptying',
  'done',
  'unreachable',
])

function isMoveState(field: unknown): field is NodeMove['state'] {
  return MOVE_STATES.has(field)
}
