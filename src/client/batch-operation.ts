/** A request about a key as an operation of `POST /v1/batch`, and the answer to that operation as that to the request. */
import { checkKey, given, type KeyRequest, statusesOf } from './key-requests.ts'
import { type Answer, answerOrFailure } from './request/answer.ts'
import type { Failure } from './request/call.ts'
import type { Problem } from './request/request-error.ts'

const OPS = { GET: 'get', PUT: 'put', DELETE: 'delete', POST: 'update' } as const
/** `btoa` takes a text, which is made of so many bytes at a time. */
const CHUNK_BYTES = 8192

/** As the server answers one operation: the headers of the single request as members. */
export interface OperationAnswer {
  readonly status: number
  readonly etag?: string
  readonly context?: string
  readonly siblingCount?: number
  readonly existed?: boolean
  readonly consistency?: string
  readonly coordinator?: string
  readonly quorum?: { readonly need: number; readonly got: number; readonly hinted: number }
  readonly contentType?: string
  /** Text; of a counter a number; of a set a list. */
  readonly value?: unknown
  readonly valueBase64?: string
  readonly siblings?: readonly unknown[]
  readonly problem?: Problem
}

/** JSON leaves out the members that are undefined. Throws TypeError for a key that cannot be meant. */
export function operationOf(
  bucket: string,
  { method, key, level, query = {}, headers = {}, body }: KeyRequest,
): Readonly<Record<string, unknown>> {
  const operation = {
    op: OPS[method],
    bucket,
    key: checkKey(key),
    consistency: level,
    context: headers['quorate-context'],
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    idempotencyKey: headers['idempotency-key'],
  }
  if (method === 'POST') return { ...operation, change: JSON.parse(body as string) as unknown }
  if (method !== 'PUT') return operation
  const ttl = query['ttl'] === undefined ? undefined : Number(query['ttl'])
  const value = typeof body === 'string' ? { value: body } : { valueBase64: base64Of(body) }
  return { ...operation, contentType: headers['content-type'], ttl, ...value }
}

export function answerOf(method: KeyRequest['method'], told: OperationAnswer): Answer | Failure {
  const { status, quorum, problem, existed, siblingCount } = told
  const headers = new Headers(
    given({
      etag: told.etag,
      'quorate-context': told.context,
      'quorate-siblings': siblingCount === undefined ? undefined : String(siblingCount),
      'quorate-existed': existed === undefined ? undefined : String(existed),
      'quorate-consistency': told.consistency,
      'quorate-coordinator': told.coordinator,
      'quorate-quorum': quorum && `need=${quorum.need}, got=${quorum.got}, hinted=${quorum.hinted}`,
      'content-type': problem === undefined ? told.contentType : 'application/problem+json',
    }),
  )
  return answerOrFailure(statusesOf(method), { status, headers, body: bodyOf(told) })
}

function bodyOf({
  value,
  valueBase64,
  siblings,
  problem,
}: OperationAnswer): Uint8Array<ArrayBuffer> {
  if (valueBase64 !== undefined) {
    return Uint8Array.from(atob(valueBase64), (character) => character.charCodeAt(0))
  }
  if (typeof value === 'string') return new TextEncoder().encode(value)
  const document = problem ?? (siblings === undefined ? { value } : { siblings })
  return new TextEncoder().encode(JSON.stringify(document))
}

function base64Of(bytes: Uint8Array = new Uint8Array(0)): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES))
  }
  return btoa(text)
}
