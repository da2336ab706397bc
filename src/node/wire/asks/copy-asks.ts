/** The asks about one key that an owner answers from its own copy. */
import type { Timestamp } from '../../../core/causality/dot.ts'
import type { HeldBefore } from '../../../core/replication/write-round.ts'
import { decodeDots, decodeVersion, encodeDots, type Version } from '../object-record.ts'
import type { AskFormat } from './ask-format.ts'
import { bytesIn, countIn, textIn } from './fields.ts'

export interface KeyRequest {
  readonly bucket: string
  readonly key: string
}

export function keyRequest(at: {
  readonly bucket: { readonly name: string }
  readonly key: string
}): KeyRequest {
  return { bucket: at.bucket.name, key: at.key }
}

export interface RecordAnswer {
  /** Empty if the key is absent. */
  readonly record: Uint8Array
}

/** The half of a format that asks for one key. [bucket, key] */
export const ABOUT_KEY: Pick<AskFormat<KeyRequest, never>, 'encode' | 'decode'> = {
  encode: ({ bucket, key }, message) => void message.push(bucket, key),
  decode: ([bucket, key]) => ({ bucket: textIn(bucket), key: textIn(key) }),
}

/** The half of a format that answers with one record. [record] */
export const ANSWERED_RECORD: Pick<
  AskFormat<never, RecordAnswer>,
  'encodeAnswer' | 'decodeAnswer'
> = {
  encodeAnswer: ({ record }, message) => void message.push(record),
  decodeAnswer: ([record]) => ({ record: bytesIn(record) }),
}

/** Asks an owner for its copy. */
export const READ: AskFormat<KeyRequest, RecordAnswer> = {
  kind: 'read',
  ...ABOUT_KEY,
  ...ANSWERED_RECORD,
}

export interface VersionAnswer {
  readonly version: Version
}

/** Asks an owner for the version of its copy (object-record.ts): the answer is its fields. */
export const VERSION: AskFormat<KeyRequest, VersionAnswer> = {
  kind: 'version',
  ...ABOUT_KEY,
  encodeAnswer: ({ version }, message) => void message.push(...version),
  decodeAnswer: (fields) => ({ version: decodeVersion(fields) }),
}

/** Either way to ask an owner what it holds. */
export type HeldFormat = AskFormat<KeyRequest, RecordAnswer | VersionAnswer>

export interface FetchedCopy extends RecordAnswer {
  /** Everything up to this time is settled at the owner; 0 if the node does not own the key. */
  readonly horizon: Timestamp
  /** Whether the node owns the key, and its copy contains everything that it ever acknowledged. */
  readonly isWhole: boolean
  /** Whether the node is not being refilled, so that an absent write was forgotten and not lost. */
  readonly isFilled: boolean
}

/**
 * Asks for a copy in order to compare it, also while the node's copies are incomplete. [record, horizon, isWhole,
 * isFilled]
 */
export const FETCH: AskFormat<KeyRequest, FetchedCopy> = {
  kind: 'fetch',
  ...ABOUT_KEY,
  encodeAnswer({ record, horizon, isWhole, isFilled }, message) {
    message.push(record, horizon, isWhole, isFilled)
  },
  decodeAnswer([record, horizon, isWhole, isFilled]) {
    return {
      record: bytesIn(record),
      horizon: countIn(horizon),
      isWhole: isWhole === true,
      // A node of version 2 sends none.
      isFilled: isFilled !== false,
    }
  },
}

export interface ApplyRequest extends KeyRequest {
  readonly record: Uint8Array
  /** The sum of some of the `APPLY_…` bits; 0 for a plain write. */
  readonly flags: number
}

/** In mode siblings: the answer shall list the dots that the record's vector does not cover. */
export const APPLY_REPORT_UNCOVERED = 1
/** The sender has merged the copies of a majority, so this copy may replace a record that cannot be read. */
export const APPLY_REPAIRS_CORRUPT = 2
/** This is a repair, not a new write. If it is history to the owner, the owner is up to date already. */
export const APPLY_IS_REPAIR = 4
/** The sender must know whether this owner's copies are complete. The answer waits until the owner can tell. */
export const APPLY_ASKS_WHOLE = 8

/**
 * Asks an owner to merge a copy into its own. [bucket, key, record, flags]
 *
 * The owner answers what it held before: [existed, uncovered, newest, isWhole]. `uncovered` is empty unless the flags
 * ask for it. Only mode lww reads `newest` (replica.ts tells how it is computed).
 */
export const APPLY: AskFormat<ApplyRequest, HeldBefore> = {
  kind: 'apply',
  encode({ bucket, key, record, flags }, message) {
    message.push(bucket, key, record, flags)
  },
  decode([bucket, key, record, flags]) {
    return {
      bucket: textIn(bucket),
      key: textIn(key),
      record: bytesIn(record),
      flags: flags === undefined ? 0 : countIn(flags),
    }
  },
  encodeAnswer({ existed, uncovered, newest, isWhole }, message) {
    message.push(existed, encodeDots(uncovered), newest, isWhole)
  },
  decodeAnswer([existed, uncovered, newest, isWhole]) {
    return {
      existed: existed === true,
      uncovered: decodeDots(uncovered),
      newest: countIn(newest),
      // An older node does not send this field.
      isWhole: isWhole !== false,
    }
  },
}
