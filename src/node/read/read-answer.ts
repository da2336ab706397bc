/** What a read answers with, made from the object that it found. */
import {
  liveSiblings,
  newestSibling,
  type StoredObject,
} from '../../core/causality/stored-object.ts'
import type { ReadAnswer } from '../service/service.ts'

/** How the object was found. */
export type Finding = Pick<ReadAnswer, 'level' | 'coordinator' | 'quorum' | 'replicas'>

/** Siblings that have expired at `nowMs` are left out. */
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
