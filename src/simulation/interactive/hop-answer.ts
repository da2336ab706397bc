/** What a node answered to an ask for a client's request, as far as a person wants to know it. */
import { APPLY, FETCH, READ, VERSION } from '../../node/wire/asks/copy-asks.ts'
import { HINT, READ_HINTS } from '../../node/wire/asks/hint-asks.ts'
import {
  REGISTER_ACCEPT,
  REGISTER_PREPARE,
  REGISTER_READ,
} from '../../node/wire/asks/register-asks.ts'
import { REGISTER_CHANGE } from '../../node/wire/asks/register-change-ask.ts'
import { PUT, UPDATE } from '../../node/wire/asks/write-asks.ts'
import type { Item } from './frame-items.ts'
import { type CopyView, viewCopy } from './world-view.ts'

export type HopAnswer =
  /** The node has stored the copy. */
  | { readonly type: 'stored' }
  /** The node keeps the hint. */
  | { readonly type: 'kept' }
  /** The copy of the node; without siblings if it has none. */
  | { readonly type: 'copy'; readonly copy: CopyView }
  /** Only the version of its copy. */
  | { readonly type: 'version' }
  /** It takes no lower ballot from now on. `accepted`: what it has accepted; null if that is nothing, or known. */
  | { readonly type: 'promise'; readonly accepted: CopyView | null }
  | { readonly type: 'accepted' }
  /** It has promised a higher ballot. */
  | { readonly type: 'conflict' }
  /** It has carried out a request that was passed on to it. */
  | { readonly type: 'done' }
  /** It could not carry out that request: the code of the error. */
  | { readonly type: 'failed'; readonly code: string }
  /** It did not do what it was asked: the code of the refusal. */
  | { readonly type: 'refused'; readonly code: string }

type Reader = (body: readonly unknown[]) => HopAnswer

const copyIn: Reader = ([record]) => ({ type: 'copy', copy: viewCopy(record as Uint8Array) })
const doneIn: Reader = ([isDone, code]) =>
  isDone === true ? { type: 'done' } : { type: 'failed', code: String(code) }
const acceptedIn: Reader = (body) => {
  const answer = REGISTER_PREPARE.decodeAnswer(body)
  if (answer.type !== 'promise') return { type: answer.type }
  return { type: 'promise', accepted: answer.value && viewCopy(answer.value) }
}

/** By the kind of the ask. */
const READERS: Readonly<Record<string, Reader>> = {
  [APPLY.kind]: () => ({ type: 'stored' }),
  [HINT.kind]: () => ({ type: 'kept' }),
  [READ.kind]: copyIn,
  [FETCH.kind]: copyIn,
  [READ_HINTS.kind]: copyIn,
  [VERSION.kind]: () => ({ type: 'version' }),
  [PUT.kind]: doneIn,
  [UPDATE.kind]: doneIn,
  [REGISTER_CHANGE.kind]: doneIn,
  [REGISTER_PREPARE.kind]: acceptedIn,
  [REGISTER_ACCEPT.kind]: acceptedIn,
  [REGISTER_READ.kind]: (body) => {
    const answer = REGISTER_READ.decodeAnswer(body)
    return answer.type === 'copy'
      ? { type: 'copy', copy: viewCopy(answer.record) }
      : { type: 'version' }
  },
}

/** The kinds of asks that nodes send for a client's request. */
export const HOP_KINDS: ReadonlySet<string> = new Set(Object.keys(READERS))

export function hopAnswerOf(kind: string, [, word, ...body]: Item): HopAnswer {
  if (word !== 'ok') return { type: 'refused', code: word }
  return (READERS[kind] as Reader)(body)
}
