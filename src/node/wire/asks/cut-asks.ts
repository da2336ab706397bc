/** The asks with which a node takes one consistent cut of all members, and reads it (node/backup). */
import type { Timestamp } from '../../../core/causality/dot.ts'
import { ANSWERED_DONE, type AskFormat, type Fields, type NoFields } from './ask-format.ts'
import { bytesIn, countIn, textIn, textsIn } from './fields.ts'

interface AboutCut {
  /** The name of the cut, which belongs to it alone. */
  readonly cut: string
}

const ABOUT_CUT: Pick<AskFormat<AboutCut, never>, 'encode' | 'decode'> = {
  encode: ({ cut }, message) => void message.push(cut),
  decode: ([cut]) => ({ cut: textIn(cut) }),
}

export interface CutHoldRequest extends AboutCut {
  readonly at: number
}

export interface CutHoldAnswer {
  /** False if the clock has passed that time already. */
  readonly isHeld: boolean
}

/** Asks the node to take a snapshot just before its clock passes that time. [cut, at] → [isHeld] */
export const CUT_HOLD: AskFormat<CutHoldRequest, CutHoldAnswer> = {
  kind: 'cut-hold',
  encode: ({ cut, at }, message) => void message.push(cut, at),
  decode: ([cut, at]) => ({ cut: textIn(cut), at: countIn(at) }),
  encodeAnswer: ({ isHeld }, message) => void message.push(isHeld),
  decodeAnswer([isHeld]) {
    if (typeof isHeld !== 'boolean') throw new Error('a field is not true or false')
    return { isHeld }
  },
}

export interface CutTakenAnswer {
  /** The version of the placement in force when the snapshot was taken. */
  readonly placementVersion: number
  /** The nodes for which the snapshot has hints. */
  readonly hintOwners: readonly string[]
  /** Everything up to this time was settled at the node; 0 if the node does not tell. */
  readonly horizon: Timestamp
}

/** Asks the node to answer once it has the snapshot. [cut] → [placementVersion, hintOwners, horizon] */
export const CUT_TAKEN: AskFormat<AboutCut, CutTakenAnswer> = {
  kind: 'cut-taken',
  isAnyEpoch: true,
  ...ABOUT_CUT,
  encodeAnswer({ placementVersion, hintOwners, horizon }, message) {
    message.push(placementVersion, hintOwners, horizon)
  },
  decodeAnswer: ([placementVersion, hintOwners, horizon]) => ({
    placementVersion: countIn(placementVersion),
    hintOwners: textsIn(hintOwners),
    // The first builds with backups of this form do not send it.
    horizon: horizon === undefined ? 0 : countIn(horizon),
  }),
}

/**
 * Tells that every member has its snapshot. The node answers only if it has let no answer to a client pass since its
 * own. Later ones keep the snapshot for longer. [cut]
 */
export const CUT_OPEN: AskFormat<AboutCut, NoFields> = {
  kind: 'cut-open',
  ...ABOUT_CUT,
  ...ANSWERED_DONE,
}

export interface CutPageRequest extends AboutCut {
  /** The name of the bucket. */
  readonly bucket: string
  /** The node for which the wanted hints are; '' for records of keys that the asked node keeps. */
  readonly owner: string
  /** The page begins behind this key; '' for the first page. */
  readonly after: string
}

export interface CutPage {
  /** In the order of their keys. */
  readonly records: readonly CutRecord[]
  /** Pass it with the next request; undefined after the last page. */
  readonly next: string | undefined
}

export interface CutRecord {
  readonly key: string
  /** Damaged if it is empty or cannot be decoded. */
  readonly record: Uint8Array
}

/** Asks for a page of the snapshot. [cut, bucket, owner, after] → [next or null, key, record, …] */
export const CUT_PAGE: AskFormat<CutPageRequest, CutPage> = {
  kind: 'cut-page',
  isAnyEpoch: true,
  encode({ cut, bucket, owner, after }, message) {
    message.push(cut, bucket, owner, after)
  },
  decode: ([cut, bucket, owner, after]) => ({
    cut: textIn(cut),
    bucket: textIn(bucket),
    owner: textIn(owner),
    after: textIn(after),
  }),
  encodeAnswer({ next, records }, message) {
    message.push(next ?? null)
    for (const { key, record } of records) message.push(key, record)
  },
  decodeAnswer([next, ...fields]: Fields) {
    const records: CutRecord[] = []
    for (let i = 0; i < fields.length; i += 2) {
      records.push({ key: textIn(fields[i]), record: bytesIn(fields[i + 1]) })
    }
    return { next: next === null ? undefined : textIn(next), records }
  },
}

/** Tells that nobody reads the snapshot any more. No answer is expected. [cut] */
export const CUT_END: AskFormat<AboutCut, NoFields> = {
  kind: 'cut-end',
  isAnyEpoch: true,
  ...ABOUT_CUT,
  ...ANSWERED_DONE,
}
