/**
 * A strong key as a register of consensus. This file computes the value that operations make of the current one: it is
 * the change function of each attempt (proposer.ts). Operations that wait for the same key are applied in order, in one
 * round.
 *
 * The value is a stored object whose vector is the ballot of its proposal. Null is a register that never accepted
 * anything. A delete leaves a tombstone, so no decision ever makes a register null again.
 *
 * Invariant: from one decided value to the next, either the version stays or its timestamp rises.
 */
import { assert } from '../assert.ts'
import type { Dot, Timestamp } from '../causality/dot.ts'
import { entityTag } from '../causality/entity-tag.ts'
import { liveSiblings, newestSibling, type StoredObject } from '../causality/stored-object.ts'
import type { Content } from '../causality/sibling.ts'
import { isOtherRequest } from '../causality/update-name.ts'
import { EMPTY_VECTOR, VersionVector } from '../causality/version-vector.ts'
import { type Ballot, BALLOT_ZERO } from './ballot.ts'
import {
  type AnsweredWrite,
  EMPTY_MEMORY,
  findAnswered,
  findChange,
  type RegisterMemory,
  remember,
} from './register-memory.ts'

export type RegisterOperation = { readonly type: 'read' } | RegisterWrite

export interface RegisterWrite {
  readonly type: 'write'
  readonly content: Content
  /** The condition that the current value must meet. */
  readonly condition: Condition | undefined
  /** If a write with this key was applied before, its answer is returned, and nothing is applied again. */
  readonly idempotencyKey: string | undefined
  /** Identifies the request's content: under the same key it must be the same. */
  readonly fingerprint?: string | undefined
}

/** `tags` are entity tags as in a header; '*' stands for any existing value. */
export interface Condition {
  readonly type: 'match' | 'none-match'
  readonly tags: readonly string[] | '*'
}

/** One operation, with the attempts that it has been part of. */
export interface Requested {
  readonly operation: RegisterOperation
  /** The results of earlier attempts whose outcome is unknown. */
  readonly doubtful: readonly Attempted[]
  /** For this attempt. Minted for a write, later than the version that it replaces. */
  readonly dot: Dot | undefined
}

export interface Attempted {
  readonly ballot: Ballot
  readonly done: OperationDone
}

export type OperationDone =
  | { readonly type: 'read' }
  | { readonly type: 'written'; readonly dot: Dot; readonly existed: boolean }

export type OperationResult =
  | OperationDone
  | { readonly type: 'condition failed'; readonly tag: string | undefined }
  /** The idempotency key was used for another request. */
  | { readonly type: 'key reused' }
  /** An earlier attempt may have applied it, and too many writes have followed to tell. */
  | { readonly type: 'forgotten' }

/** The outcome of one operation. */
export interface OperationEnd {
  readonly result: OperationResult
  /** Whether it takes effect only if this round is decided. */
  readonly isNew: boolean
  /** The value after the operation. */
  readonly object: StoredObject
}

export interface RegisterRound {
  readonly changed: boolean
  /** The value to propose at the ballot of the round. */
  readonly next: StoredObject
  /** One for each operation. */
  readonly ends: readonly OperationEnd[]
}

/** The ballot at which the object was accepted. */
export function ballotOf(object: StoredObject): Ballot {
  for (const [node, counter] of object.vector) return { counter, node }
  return BALLOT_ZERO
}

/** The timestamp of the value; 0 if there never was one. */
export function versionOf(object: StoredObject): Timestamp {
  return newestSibling(object)?.timestamp ?? 0
}

export function atBallot(object: StoredObject, { counter, node }: Ballot): StoredObject {
  return { ...object, vector: new VersionVector([node, counter]) }
}

/** Applies the operations to `current`, one after the other, at `ballot`. `nowMs` decides which values have expired. */
export function applyOperations(
  current: StoredObject | null,
  requested: readonly Requested[],
  ballot: Ballot,
  nowMs: number,
): RegisterRound {
  const before = current ?? NOTHING_ACCEPTED
  const memory = before.memory ?? EMPTY_MEMORY
  const answered: AnsweredWrite[] = []
  let object = atBallot(before, ballot)
  const ends = requested.map((one): OperationEnd => {
    const known = knownResult(one, memory)
    if (known !== undefined) return { result: known, isNew: false, object }
    const { operation, dot } = one
    const twin = answered.find(({ idempotencyKey }) => idempotencyKey === keyOf(operation))
    if (twin !== undefined) {
      const result = repeatedResult(twin, operation)
      // Applied if this round is decided, like the write that it repeats.
      return { result, isNew: result.type === 'written', object }
    }
    assert(operation.type === 'write' && dot !== undefined, 'a write has a dot')
    const live = liveSiblings(object, nowMs)
    const tag = live.length === 0 ? undefined : entityTag(live)
    const { condition, idempotencyKey, fingerprint, content } = operation
    if (condition !== undefined && !holds(condition, tag)) {
      return { result: { type: 'condition failed', tag }, isNew: false, object }
    }
    assert(dot.timestamp > versionOf(object), 'a later value has a later version')
    object = { ...object, siblings: [{ ...content, ...dot }] }
    const done = { dot, existed: live.length > 0 }
    if (idempotencyKey !== undefined) answered.push({ idempotencyKey, fingerprint, ...done })
    return { result: { type: 'written', ...done }, isNew: true, object }
  })
  const changed = ends.some(({ isNew }) => isNew)
  const next = changed
    ? { ...object, memory: remember(memory, ballot, answered, versionOf(object)) }
    : object
  return { changed, next, ends }
}

const NOTHING_ACCEPTED: StoredObject = { vector: EMPTY_VECTOR, siblings: [] }

/** The result of an operation that changes nothing in this round, whatever the value is. */
function knownResult(
  { operation, doubtful }: Requested,
  memory: RegisterMemory,
): OperationResult | undefined {
  if (operation.type === 'read') return { type: 'read' }
  let isForgotten = false
  for (const { ballot, done } of doubtful) {
    const found = findChange(memory, ballot)
    // The others do not matter: each was proposed only in case those before it had not been applied.
    if (found === 'made') return done
    if (found === 'forgotten') isForgotten = true
  }
  if (isForgotten) return { type: 'forgotten' }
  const { idempotencyKey } = operation
  if (idempotencyKey === undefined) return undefined
  const earlier = findAnswered(memory, idempotencyKey)
  return earlier && repeatedResult(earlier, operation)
}

function keyOf(operation: RegisterOperation): string | undefined {
  return operation.type === 'read' ? undefined : operation.idempotencyKey
}

/** The result of a write whose idempotency key was used before. */
function repeatedResult(
  { dot, existed, fingerprint }: AnsweredWrite,
  operation: RegisterOperation,
): OperationResult {
  const asked = operation.type === 'read' ? undefined : operation.fingerprint
  if (isOtherRequest(fingerprint, asked)) return { type: 'key reused' }
  return { type: 'written', dot, existed }
}

/** By the strong comparison of RFC 9110 section 13.1. An absent value has no tag. */
function holds({ type, tags }: Condition, tag: string | undefined): boolean {
  const names = tag !== undefined && (tags === '*' || tags.includes(tag))
  return type === 'match' ? names : !names
}
