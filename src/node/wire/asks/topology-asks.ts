/** The asks about the topology document: which one is in force, and the votes on the next one. */
import { type Ballot, encodeBallot } from '../../../core/consensus/ballot.ts'
import {
  type AcceptorAnswer,
  decodeAcceptorAnswer,
  encodeAcceptorAnswer,
} from './acceptor-answer.ts'
import { ANSWERED_DONE, type AskFormat, type NoFields, WITHOUT_FIELDS } from './ask-format.ts'
import { ballotIn, countIn, textIn } from './fields.ts'

/** A topology as text (topology-document.ts). */
export interface DocumentAnswer {
  readonly document: string
}

/**
 * Asks for the newest document that the node knows. [] → [document]
 *
 * It has no deadline, because a decided topology is valid at any time. If a node's clock is so far behind that all its
 * asks are late, this answer tells it whose time to follow (core/causality/agreed-time.ts).
 */
export const TOPOLOGY: AskFormat<NoFields, DocumentAnswer> = {
  kind: 'topology',
  isAnyEpoch: true,
  hasNoDeadline: true,
  ...WITHOUT_FIELDS,
  encodeAnswer: ({ document }, message) => void message.push(document),
  decodeAnswer: ([document]) => ({ document: textIn(document) }),
}

/** Tells a decided document. The node answers once the document is durable. [document] → [] */
export const DECIDED: AskFormat<DocumentAnswer, NoFields> = {
  kind: 'decided',
  isAnyEpoch: true,
  encode: ({ document }, message) => void message.push(document),
  decode: ([document]) => ({ document: textIn(document) }),
  ...ANSWERED_DONE,
}

export interface VoteRequest {
  /** The epoch of the document that is voted on. */
  readonly instance: number
  readonly ballot: Ballot
}

/** The voter's answer. The value is a document. */
export type VoteAnswer = AcceptorAnswer<string>

const ABOUT_BALLOT: Pick<AskFormat<VoteRequest, never>, 'encode' | 'decode'> = {
  encode: ({ instance, ballot }, message) => void message.push(instance, encodeBallot(ballot)),
  decode: ([instance, ballot]) => ({ instance: countIn(instance), ballot: ballotIn(ballot) }),
}

const ANSWERED_BY_VOTER: Pick<AskFormat<never, VoteAnswer>, 'encodeAnswer' | 'decodeAnswer'> = {
  encodeAnswer: encodeAcceptorAnswer,
  decodeAnswer: (fields) => decodeAcceptorAnswer(fields, textIn),
}

/** Asks a voter for the promise to refuse lower ballots. [instance, ballot] */
export const PREPARE: AskFormat<VoteRequest, VoteAnswer> = {
  kind: 'prepare',
  isAnyEpoch: true,
  ...ABOUT_BALLOT,
  ...ANSWERED_BY_VOTER,
}

/**
 * Like `prepare`, but the voter answers even if it has promised a higher ballot. It is for a voter that has lost its
 * promises (topology-recall.ts). [instance, ballot]
 */
export const RECALL: AskFormat<VoteRequest, VoteAnswer> = {
  kind: 'recall',
  isAnyEpoch: true,
  ...ABOUT_BALLOT,
  ...ANSWERED_BY_VOTER,
}

export interface AcceptRequest extends VoteRequest {
  readonly document: string
}

/** Asks a voter to accept a document. [instance, ballot, document] */
export const ACCEPT: AskFormat<AcceptRequest, VoteAnswer> = {
  kind: 'accept',
  isAnyEpoch: true,
  encode({ instance, ballot, document }, message) {
    message.push(instance, encodeBallot(ballot), document)
  },
  decode([instance, ballot, document]) {
    return { instance: countIn(instance), ballot: ballotIn(ballot), document: textIn(document) }
  },
  ...ANSWERED_BY_VOTER,
}
