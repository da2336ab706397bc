/** The asks to an acceptor of strong keys (core/consensus/acceptor.ts). */
import type { Timestamp } from '../../../core/causality/dot.ts'
import { type Ballot, encodeBallot } from '../../../core/consensus/ballot.ts'
import type { AskFormat } from './ask-format.ts'
import type { KeyRequest } from './copy-asks.ts'
import {
  type AcceptorAnswer,
  decodeAcceptorAnswer,
  encodeAcceptorAnswer,
} from './acceptor-answer.ts'
import { ballotIn, bytesIn, countIn, textIn } from './fields.ts'

/** The acceptor's answer to a proposer. The value is a record. */
export type RegisterAnswer = AcceptorAnswer<Uint8Array>

const ANSWERED_BY_ACCEPTOR: Pick<
  AskFormat<never, RegisterAnswer>,
  'encodeAnswer' | 'decodeAnswer'
> = {
  encodeAnswer: encodeAcceptorAnswer,
  decodeAnswer: (fields) => decodeAcceptorAnswer(fields, bytesIn),
}

export interface RegisterPrepareRequest extends KeyRequest {
  /** The version of the placement in which the proposer found the acceptor. */
  readonly placementVersion: number
  readonly ballot: Ballot
}

/** Asks for the promise to refuse lower ballots. [bucket, key, placementVersion, ballot] */
export const REGISTER_PREPARE: AskFormat<RegisterPrepareRequest, RegisterAnswer> = {
  kind: 'register-prepare',
  encode({ bucket, key, placementVersion, ballot }, message) {
    message.push(bucket, key, placementVersion, encodeBallot(ballot))
  },
  decode([bucket, key, placementVersion, ballot]) {
    return {
      bucket: textIn(bucket),
      key: textIn(key),
      placementVersion: countIn(placementVersion),
      ballot: ballotIn(ballot),
    }
  },
  ...ANSWERED_BY_ACCEPTOR,
}

export interface RegisterAcceptRequest extends KeyRequest {
  readonly placementVersion: number
  /** The proposal. It contains its ballot. */
  readonly record: Uint8Array
}

/** Asks to accept a proposal. [bucket, key, placementVersion, record] */
export const REGISTER_ACCEPT: AskFormat<RegisterAcceptRequest, RegisterAnswer> = {
  kind: 'register-accept',
  encode({ bucket, key, placementVersion, record }, message) {
    message.push(bucket, key, placementVersion, record)
  },
  decode([bucket, key, placementVersion, record]) {
    return {
      bucket: textIn(bucket),
      key: textIn(key),
      placementVersion: countIn(placementVersion),
      record: bytesIn(record),
    }
  },
  ...ANSWERED_BY_ACCEPTOR,
}

export interface RegisterReadRequest extends KeyRequest {
  /** Whether the acceptor sends its copy, or only the ballot. */
  readonly wantsCopy: boolean
}

/** What the acceptor holds. `isUncontested`: it has promised no other proposal since it accepted this one. */
export type RegisterReadAnswer =
  | { readonly type: 'copy'; readonly isUncontested: boolean; readonly record: Uint8Array }
  | { readonly type: 'ballot'; readonly isUncontested: boolean; readonly ballot: Ballot }

/** Asks what the acceptor has accepted. [bucket, key, wantsCopy] → [isUncontested, record or ballot] */
export const REGISTER_READ: AskFormat<RegisterReadRequest, RegisterReadAnswer> = {
  kind: 'register-read',
  encode({ bucket, key, wantsCopy }, message) {
    message.push(bucket, key, wantsCopy)
  },
  decode([bucket, key, wantsCopy]) {
    return { bucket: textIn(bucket), key: textIn(key), wantsCopy: wantsCopy === true }
  },
  encodeAnswer(answer, message) {
    message.push(answer.isUncontested)
    message.push(answer.type === 'copy' ? answer.record : encodeBallot(answer.ballot))
  },
  decodeAnswer([contention, held]) {
    const isUncontested = contention === true
    if (held instanceof Uint8Array) return { type: 'copy', isUncontested, record: held }
    return { type: 'ballot', isUncontested, ballot: ballotIn(held) }
  },
}

export interface RegisterPromisedRequest {
  readonly placementVersion: number
}

export interface RegisterPromisedAnswer {
  /** No ballot that the acceptor has promised lies above it. */
  readonly promisedUpTo: Timestamp
}

/**
 * Asks an acceptor up to where it has promised ballots. From then on it refuses questions of older placements.
 * [placementVersion] → [promisedUpTo]
 */
export const REGISTER_PROMISED: AskFormat<RegisterPromisedRequest, RegisterPromisedAnswer> = {
  kind: 'register-promised',
  encode: ({ placementVersion }, message) => void message.push(placementVersion),
  decode: ([placementVersion]) => ({ placementVersion: countIn(placementVersion) }),
  encodeAnswer: ({ promisedUpTo }, message) => void message.push(promisedUpTo),
  decodeAnswer: ([promisedUpTo]) => ({ promisedUpTo: countIn(promisedUpTo) }),
}
