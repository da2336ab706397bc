/** Makes the answer to a read from the object that it found. */
import {
  liveSiblings,
  newestSibling,
  type StoredObject,
} from '../../core/causality/stored-object.ts'
import type { ReadAnswer } from '../service/service.ts'

/** The part of the answer that says how the object was found. */
export type Finding = Pick<ReadAnswer, 'level' | 'coordinator' | 'quorum' | 'replicas'>

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
