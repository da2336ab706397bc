/** Answers `POST /v1/batch` by single requests to a virtual store, as the API describes it. */
import type { Behaviour } from './virtual-world.ts'

interface Operation {
  readonly op: 'get' | 'put' | 'delete' | 'update'
  readonly bucket: string
  readonly key: string
  readonly consistency?: string
  readonly ttl?: number
  readonly value?: string
  readonly valueBase64?: string
  readonly contentType?: string
  readonly change?: unknown
  readonly context?: string
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly idempotencyKey?: string
}

const METHODS = { get: 'GET', put: 'PUT', delete: 'DELETE', update: 'POST' } as const
const HEADERS = {
  context: 'quorate-context',
  ifMatch: 'if-match',
  ifNoneMatch: 'if-none-match',
  idempotencyKey: 'idempotency-key',
  contentType: 'content-type',
} as const

export function batchesOf(behave: Behaviour): Behaviour {
  return async (request) => {
    if (new URL(request.url).pathname !== '/v1/batch') return behave(request)
    const { operations } = (await request.json()) as { operations: readonly Operation[] }
    const answers: object[] = []
    for (const operation of operations) {
      const single = singleOf(operation, request.headers.get('quorate-session'))
      answers.push(await answerOf(await behave(single), operation))
    }
    return Response.json({ transaction: false, answers })
  }
}

function singleOf(operation: Operation, session: string | null): Request {
  const { op, bucket, key, consistency, ttl, value, valueBase64 = '', change } = operation
  const query = new URLSearchParams()
  if (consistency !== undefined) query.set('consistency', consistency)
  if (ttl !== undefined) query.set('ttl', String(ttl))
  const headers = new Headers(session === null ? {} : { 'quorate-session': session })
  for (const [member, header] of Object.entries(HEADERS)) {
    const given = operation[member as keyof typeof HEADERS]
    if (given !== undefined) headers.set(header, given)
  }
  const bytes = { put: value ?? Buffer.from(valueBase64, 'base64'), update: JSON.stringify(change) }
  const url = `http://n1/v1/kv/${bucket}/${encodeURIComponent(key)}?${query}`
  const body = op === 'put' || op === 'update' ? bytes[op] : null
  return new Request(url, { method: METHODS[op], headers, body })
}

async function answerOf(response: Response, { op }: Operation): Promise<object> {
  const { status, headers } = response
  const bytes = Buffer.from(await response.arrayBuffer())
  const text = (name: string): string | undefined => headers.get(name) ?? undefined
  const count = text('quorate-siblings')
  const told = {
    status,
    etag: text('etag'),
    context: text('quorate-context'),
    siblingCount: count === undefined ? undefined : Number(count),
    consistency: text('quorate-consistency'),
    coordinator: text('quorate-coordinator'),
  }
  if (status >= 400) return { ...told, problem: JSON.parse(bytes.toString()) as object }
  if (op !== 'get') return told
  if (status === 300) return { ...told, ...(JSON.parse(bytes.toString()) as object) }
  const contentType = text('content-type') ?? ''
  if (contentType === 'application/json' && bytes.toString().startsWith('{"value":')) {
    return { ...told, ...(JSON.parse(bytes.toString()) as object) }
  }
  const isText = Buffer.from(bytes.toString()).equals(bytes)
  const shown = isText ? { value: bytes.toString() } : { valueBase64: bytes.toString('base64') }
  return { ...told, contentType, ...shown }
}
