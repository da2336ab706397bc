/** Turns the result of a read into an answer: one value, siblings, not modified, or absent. */
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { ReadAnswer, WriteAnswer } from '../../node/service/service.ts'
import { encodeContext, type ContextKey } from '../tokens/context-token.ts'
import { entityTag, namesTag } from '../../core/causality/entity-tag.ts'
import { keepsLevel, type KvParameters } from './kv-parameters.ts'
import type { KvReply } from './kv-reply.ts'
import { quoted } from '../http/query.ts'
import type { HeaderList } from '../http/respond.ts'
import { siblingId } from './sibling-body.ts'

/**
 * Answers a read with `headers`. `unlessTag` is the If-None-Match header. Returns the code for the metrics. Throws what
 * `reply` throws.
 */
export function answerPlainRead(
  reply: KvReply,
  of: ContextKey,
  answer: ReadAnswer,
  parameters: KvParameters,
  unlessTag: string | undefined,
  headers: HeaderList,
): 'ok' | 'key_absent' | 'sibling_absent' {
  const { siblings } = answer
  headers.push('Quorate-Siblings', String(siblings.length))
  if (siblings.length === 0) {
    reply.problem('key_absent', absence(of, answer), {}, headers)
    return 'key_absent'
  }
  const chosen = chooseSibling(siblings, parameters)
  if (chosen === 'absent') {
    const detail =
      `The key has no sibling ${quoted(parameters.sibling ?? '')} (any more); ` +
      `it has ${siblings.map(siblingId).join(', ')}.`
    reply.problem('sibling_absent', detail, {}, headers)
    return 'sibling_absent'
  }
  const tag = entityTag(siblings)
  const newest = chosen === 'all' ? (siblings.at(-1) as Sibling) : chosen
  headers.push('ETag', tag, 'Last-Modified', httpDate(wallMsOf(newest.timestamp)))
  if (chosen === 'all') headers.push('Vary', 'Accept')
  if (isUnchanged(unlessTag, tag)) reply.empty(304, headers)
  else if (chosen === 'all') reply.siblings(headers, siblings)
  else reply.value(headers, chosen)
  return 'ok'
}

/**
 * Adds the context that the next write of the key sends back. The context of a key that was never written covers
 * nothing. A write with it leaves every value that another client has written since; a write without it would replace
 * that value.
 */
export function addContext(headers: HeaderList, of: ContextKey, answer: ReadAnswer): void {
  headers.push('Quorate-Context', encodeContext(answer.context, of))
}

/** The headers of every answer about a key: quorum, coordinator, level, and the trace if the client asked for it. */
export function commonHeaders(
  answer: ReadAnswer | WriteAnswer,
  parameters: KvParameters,
  bucket: Bucket,
): HeaderList {
  const { need, got, hinted } = answer.quorum
  const headers = [
    'Quorate-Quorum',
    `need=${need}, got=${got}, hinted=${hinted}`,
    'Quorate-Coordinator',
    answer.coordinator,
    'Quorate-Consistency',
    // The name of a level stands for its promise, and smaller counts do not keep that promise.
    keepsLevel(parameters, bucket) ? answer.level : 'custom',
  ]
  if (parameters.trace) headers.push('Quorate-Trace', traceOf(answer))
  return headers
}

function chooseSibling(
  siblings: readonly Sibling[],
  { sibling, newest }: KvParameters,
): Sibling | 'all' | 'absent' {
  if (sibling !== undefined) {
    return siblings.find((candidate) => siblingId(candidate) === sibling) ?? 'absent'
  }
  return siblings.length === 1 || newest ? (siblings.at(-1) as Sibling) : 'all'
}

export function isUnchanged(unlessTag: string | undefined, tag: string): boolean {
  return unlessTag !== undefined && namesTag(unlessTag, tag)
}

function absence({ bucket, key }: ContextKey, answer: ReadAnswer): string {
  const name = `The key ${quoted(key)} in the bucket ${bucket}`
  return answer.deleted
    ? `${name} was deleted or has expired.`
    : `${name} does not exist. PUT /v1/kv/{bucket}/{key} creates it.`
}

/** Which nodes were asked and what each answered, as JSON in ASCII, because a header takes no other characters. */
function traceOf({ coordinator, replicas }: ReadAnswer | WriteAnswer): string {
  return JSON.stringify({ coordinator, replicas }).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

let lastSecond = 0
let lastDate = ''

/** Caches the last date, because successive reads often return the same value or values of the same second. */
export function httpDate(wallMs: number): string {
  const second = Math.floor(wallMs / 1000)
  if (second !== lastSecond) {
    lastDate = new Date(second * 1000).toUTCString()
    lastSecond = second
  }
  return lastDate
}
