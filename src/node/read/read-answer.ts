/** Makes the answer to a read from the object that it found. */
import {
  liveSiblings,
  newestSibling,
  type StoredObject,
} from '../../core/causality/stored-object.ts'
import type { PlacedRequest } from '../round/placed-request.ts'
import type { ReadAnswer } from '../service/service.ts'

/** The part of the answer that says how the object was found. */
export type Finding = Pick<ReadAnswer, 'level' | 'coordinator' | 'quorum' | 'replicas'>

/** The answer of a node whose own copy is enough: no message was sent. */
export function answerFromOwnCopy(
  { level }: PlacedRequest,
  self: string,
  object: StoredObject,
  nowMs: number,
): ReadAnswer {
  return answerWith(object, nowMs, {
    level,
    coordinator: self,
    quorum: { need: 1, got: 1, hinted: 0 },
    replicas: [{ node: self, status: 'ok', ms: 0 }],
  })
}

/** Leaves out siblings that have expired at `nowMs`. */
export function answerWith(object: StoredObject, nowMs: number, finding: Finding): ReadAnswer {
  const siblings = liveSiblings(object, nowMs)
  return {
    ...finding,
    context: object.vector,
    siblings,
    deleted: siblings.length === 0 && newestSibling(object) !== undefined,
    object,
  }
}
