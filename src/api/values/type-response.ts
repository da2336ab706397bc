/** Turns the read of a counter or a set into an HTTP answer: `{"value":…}`, not modified, or absent. */
import type { FastifyReply } from 'fastify'
import { counterValue } from '../../core/causality/counter.ts'
import { elementsOf } from '../../core/causality/element-set.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import type { ReadAnswer } from '../../node/service/service.ts'
import { encodeContext, type ContextKey } from '../tokens/context-token.ts'
import { entityTag } from '../../core/causality/entity-tag.ts'
import { respondCode } from '../http/problem.ts'
import { quoted } from '../http/query.ts'
import { httpDate, isUnchanged, withContentPolicy } from './read-response.ts'
import { type HeaderList, respond } from '../http/respond.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Sends the answer to a GET or HEAD. Returns the code for the metrics. */
export function respondTypeRead(
  reply: FastifyReply,
  mode: 'counter' | 'set',
  of: ContextKey,
  answer: ReadAnswer,
  headers: HeaderList,
): 'ok' | 'key_absent' {
  const { siblings, deleted, context } = answer
  if (context.size > 0) headers.push('Quorate-Context', encodeContext(context, of))
  // A set whose elements were all removed is an empty set. Only its context tells it from an absent key.
  const isEmptySet = mode === 'set' && !deleted && context.size > 0
  if (siblings.length === 0 && !isEmptySet) {
    respondCode(reply, 'key_absent', absence(mode, of, deleted), {}, headers)
    return 'key_absent'
  }
  const tag = entityTag(siblings)
  headers.push('ETag', tag)
  const newest = siblings.at(-1)
  if (newest !== undefined) headers.push('Last-Modified', httpDate(wallMsOf(newest.timestamp)))
  if (isUnchanged(reply, tag)) {
    respond(reply, 304, headers, undefined)
    return 'ok'
  }
  headers.push('Content-Type', 'application/json')
  const body = Buffer.from(`{"value":${valueText(mode, siblings)}}\n`)
  respond(reply, 200, withContentPolicy(headers), body)
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
