/**
 * A client's write or update, with the result of the quorum read that some requests need first. This file decides which
 * requests need that read, and which can be coordinated only by an owner.
 */
import { merge, type StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { ReadAnswer, UpdateRequest, WriteRequest } from '../service/service.ts'

export type PlannedRequest = PlannedWrite | PlannedUpdate

/** A write or a delete. Only the delete of a counter needs the read. */
export interface PlannedWrite extends WriteRequest, Planned {}

/** An update of a counter or a set. */
export interface PlannedUpdate extends UpdateRequest, Planned {}

interface Planned {
  /** The object that the quorum read found; undefined if there was no such read. */
  readonly seen?: StoredObject | undefined
}

/** Whether only an owner can coordinate the request, because another node cannot see the elements that it removes. */
export function needsOwner(request: WriteRequest | UpdateRequest): boolean {
  return 'change' in request && request.change.type === 'set' && request.change.remove.length > 0
}

/** Whether the coordinator must first read at a quorum, because the request replaces or repeats earlier updates. */
export function needsQuorumRead({ mode }: Bucket, request: WriteRequest | UpdateRequest): boolean {
  if (needsOwner(request)) return true
  if (mode !== 'counter' || request.context !== undefined) return false
  return !('change' in request) || request.idempotencyKey !== undefined
}

/**
 * Waits for the quorum read that a request builds on. A removal needs it because an element that was acknowledged at a
 * quorum may not have arrived here yet: the removal would miss it, and be acknowledged. A counter's idempotency keys
 * have the same problem. Rejects with quorum_unreachable.
 */
export async function seenBefore(read: Promise<ReadAnswer>): Promise<StoredObject | undefined> {
  try {
    return (await read).object
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error
    const message = `the value that the request builds on could not be read, nothing was applied: ${error.message}`
    throw new QuorateError('quorum_unreachable', message, error.details, { cause: error })
  }
}

/** Everything known about the key here: this node's own copy, merged with the result of the quorum read. */
export function knownObject(held: StoredObject, request: PlannedRequest): StoredObject {
  return request.seen === undefined ? held : merge('siblings', held, request.seen)
}
