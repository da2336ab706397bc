/** Turns the read of a counter or a set into an answer: its value as JSON, not modified, or absent. */
import { counterValue } from '../../core/causality/counter.ts'
import { elementsOf } from '../../core/causality/element-set.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import type { ReadAnswer } from '../../node/service/service.ts'
import { encodeContext, type ContextKey } from '../tokens/context-token.ts'
import { entityTag } from '../../core/causality/entity-tag.ts'
import type { KvReply } from './kv-reply.ts'
import { quoted } from '../http/query.ts'
import { httpDate, isUnchanged } from './read-response.ts'
import type { HeaderList } from '../http/respond.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Answers a read. `unlessTag` is the If-None-Match header. Returns the code for the metrics. */
export function answerTypeRead(
  reply: KvReply,
  mode: 'counter' | 'set',
  of: ContextKey,
  answer: ReadAnswer,
  unlessTag: string | undefined,
  headers: HeaderList,
): 'ok' | 'key_absent' {
  const { siblings, deleted, context } = answer
  if (context.size > 0) headers.push('Quorate-Context', encodeContext(context, of))
  // A set whose elements were all removed is an empty set. Only its context tells it from an absent key.
  const isEmptySet = mode === 'set' && !deleted && context.size > 0
  if (siblings.length === 0 && !isEmptySet) {
    reply.problem('key_absent', absence(mode, of, deleted), {}, headers)
    return 'key_absent'
  }
  const tag = entityTag(siblings)
  headers.push('ETag', tag)
  const newest = siblings.at(-1)
  if (newest !== undefined) headers.push('Last-Modified', httpDate(wallMsOf(newest.timestamp)))
  if (isUnchanged(unlessTag, tag)) reply.empty(304, headers)
  else reply.json(headers, valueText(mode, siblings))
  return 'ok'
}

/** The value as JSON. A counter's digits are written out, because a JavaScript number might round them. */
function valueText(mode: 'counter' | 'set', siblings: readonly Sibling[]): string {
  if (mode === 'counter') return counterValue(siblings).toString()
  return JSON.stringify(elementsOf(siblings).map((element) => UTF8.decode(element)))
}

function absence(mode: string, { bucket, key }: ContextKey, deleted: boolean): string {
  const name = `The ${mode} ${quoted(key)} in the bucket ${bucket}`
  return deleted
    ? `${name} was deleted.`
    : `${name} does not exist. POST /v1/kv/{bucket}/{key} creates it.`
}
