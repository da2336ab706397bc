/** Turns the result of a read into an HTTP answer: one value, siblings, not modified, or absent. */
import type { FastifyReply } from 'fastify'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import type { Sibling } from '../../core/causality/sibling.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { ReadAnswer, WriteAnswer } from '../../node/service/service.ts'
import type { ApiContext } from '../http/api-context.ts'
import { encodeContext, type ContextKey } from '../tokens/context-token.ts'
import { entityTag, namesTag } from '../../core/causality/entity-tag.ts'
import { keepsLevel, type KvParameters } from './kv-parameters.ts'
import { respondCode } from '../http/problem.ts'
import { quoted } from '../http/query.ts'
import { respond, respondPieces, type HeaderList } from '../http/respond.ts'
import { siblingId, siblingList, siblingParts, type SiblingBody } from './sibling-body.ts'

/** A larger body of siblings is sent piece by piece. */
const WHOLE_BODY_BYTES_MAX = 65_536

/**
 * Sends the answer to a GET or HEAD with `headers`. Returns the code for the metrics. Throws overloaded if too many
 * bytes of answers are under way.
 */
export function respondRead(
  api: ApiContext,
  reply: FastifyReply,
  of: ContextKey,
  answer: ReadAnswer,
  parameters: KvParameters,
  headers: HeaderList,
): 'ok' | 'key_absent' | 'sibling_absent' {
  const { siblings } = answer
  headers.push('Quorate-Siblings', String(siblings.length))
  if (siblings.length === 0) {
    respondCode(reply, 'key_absent', absence(of, answer), {}, headers)
    return 'key_absent'
  }
  const chosen = chooseSibling(siblings, parameters)
  if (chosen === 'absent') {
    const detail =
      `The key has no sibling ${quoted(parameters.sibling ?? '')} (any more); ` +
      `it has ${siblings.map(siblingId).join(', ')}.`
    respondCode(reply, 'sibling_absent', detail, {}, headers)
    return 'sibling_absent'
  }
  if (chosen === 'all') respondSiblings(api, reply, siblings, headers)
  else respondValue(api, reply, chosen, siblings, headers)
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

function respondValue(
  api: ApiContext,
  reply: FastifyReply,
  chosen: Sibling,
  siblings: readonly Sibling[],
  headers: HeaderList,
): void {
  const tag = entityTag(siblings)
  headers.push('ETag', tag, 'Last-Modified', httpDate(wallMsOf(chosen.timestamp)))
  if (isUnchanged(reply, tag)) {
    respond(reply, 304, headers, undefined)
    return
  }
  headers.push('Content-Type', chosen.contentType)
  takeRoom(api, reply, chosen.value.byteLength)
  respond(reply, 200, withContentPolicy(headers), chosen.value)
}

function respondSiblings(
  api: ApiContext,
  reply: FastifyReply,
  siblings: readonly Sibling[],
  headers: HeaderList,
): void {
  const tag = entityTag(siblings)
  const newest = siblings.at(-1) as Sibling
  headers.push('ETag', tag, 'Last-Modified', httpDate(wallMsOf(newest.timestamp)), 'Vary', 'Accept')
  if (isUnchanged(reply, tag)) {
    respond(reply, 304, headers, undefined)
    return
  }
  const body: SiblingBody = wantsParts(reply) ? siblingParts(siblings) : siblingList(siblings)
  headers.push('Content-Type', body.contentType)
  const bytes = siblings.reduce((sum, { value }) => sum + value.byteLength, 0)
  if (bytes > WHOLE_BODY_BYTES_MAX) {
    takeRoom(api, reply, bytes)
    respondPieces(reply, 300, withContentPolicy(headers), body.pieces)
    return
  }
  const whole = Buffer.concat([...body.pieces].map((piece) => Buffer.from(piece as string)))
  respond(reply, 300, withContentPolicy(headers), whole)
}

/** Takes room for the values, because they stay in memory until a slow reader has taken them all. */
function takeRoom(api: ApiContext, reply: FastifyReply, bytes: number): void {
  if (reply.request.raw.method === 'HEAD' || api.answers.takeFor(reply.raw, bytes)) return
  throw new QuorateError(
    'overloaded',
    `There is no room for an answer of ${bytes} bytes beside those that are being sent.`,
  )
}

/** Any client may have written the value, so a browser must neither guess its type nor run scripts in it. */
export function withContentPolicy(headers: HeaderList): HeaderList {
  headers.push('X-Content-Type-Options', 'nosniff', 'Content-Security-Policy', 'sandbox')
  return headers
}

export function isUnchanged(reply: FastifyReply, tag: string): boolean {
  const header = reply.request.raw.headers['if-none-match']
  return header !== undefined && namesTag(header, tag)
}

function wantsParts(reply: FastifyReply): boolean {
  return /\bmultipart\/(mixed|\*)/i.test(reply.request.raw.headers.accept ?? '')
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
