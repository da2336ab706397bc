/**
 * A small store behind a virtual `fetch`: keys with siblings, and strong keys with conditions and names. It contains no
 * code of the real store. `before` runs before each request: it may fail the request, or write in between.
 */
import { type Behaviour, done, found, problem } from './virtual-world.ts'

interface Stored {
  readonly id: number
  readonly value: string
}

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
}

export class VirtualStore {
  /** Every request that reached the store, in order. */
  readonly seen: SeenRequest[] = []
  before: ((request: SeenRequest) => Response | void | Promise<Response | void>) | undefined
  readonly #keys = new Map<string, Stored[]>()
  readonly #names = new Map<string, string>()
  #ids = 0

  readonly behave: Behaviour = async (request) => {
    const { pathname, searchParams } = new URL(request.url)
    const seen = {
      method: request.method,
      path: pathname,
      query: searchParams,
      headers: request.headers,
    }
    const body = await request.text()
    this.seen.push(seen)
    const answer = await this.before?.(seen)
    if (answer instanceof Response) return answer
    return pathname.startsWith('/v1/kv/strong/')
      ? this.#strong(pathname, request, body)
      : this.#siblings(pathname, request, body)
  }

  /** The values of a key of a bucket with siblings. */
  values(path: string): readonly string[] {
    return (this.#keys.get(path) ?? []).map(({ value }) => value)
  }

  /** Another client writes beside what is there, as if it had seen nothing of it. */
  writeBeside(path: string, value: string): void {
    this.#keys.set(path, [...(this.#keys.get(path) ?? []), { id: ++this.#ids, value }])
  }

  /** Another client replaces whatever is there. */
  replace(path: string, value: string): void {
    this.#keys.set(path, [{ id: ++this.#ids, value }])
  }

  #siblings(path: string, { method, headers }: Request, body: string): Response {
    const siblings = this.#keys.get(path) ?? []
    if (method === 'GET') return answerRead(siblings)
    const context = headers.get('quorate-context')
    const isSeen = ({ id }: Stored): boolean =>
      context === null || context.split('.').includes(String(id))
    const left = siblings.filter((sibling) => !isSeen(sibling))
    if (method === 'PUT') left.push({ id: ++this.#ids, value: body })
    this.#keys.set(path, left)
    return done({ 'quorate-context': contextOf(left), 'quorate-siblings': String(left.length) })
  }

  #strong(path: string, { method, headers }: Request, body: string): Response {
    const [current] = this.#keys.get(path) ?? []
    const tag = current === undefined ? null : `"${current.id}"`
    if (method === 'GET') {
      return current === undefined
        ? problem('key_absent')
        : found(current.value, { etag: tag ?? '' })
    }
    const name = headers.get('idempotency-key') ?? ''
    const earlier = this.#names.get(name)
    if (earlier !== undefined) return done({ etag: earlier })
    const match = headers.get('if-match')
    const isUnmet = match === null ? headers.has('if-none-match') && tag !== null : match !== tag
    if (isUnmet) return problem('precondition_failed')
    const id = ++this.#ids
    this.#keys.set(path, method === 'PUT' ? [{ id, value: body }] : [])
    this.#names.set(name, `"${id}"`)
    return done(method === 'PUT' ? { etag: `"${id}"` } : {})
  }
}

function answerRead(siblings: readonly Stored[]): Response {
  const [first] = siblings
  if (first === undefined) return problem('key_absent', { 'quorate-context': contextOf([]) })
  const headers = {
    'quorate-context': contextOf(siblings),
    'quorate-siblings': `${siblings.length}`,
  }
  if (siblings.length === 1) return found(first.value, headers)
  const listed = siblings.map(({ id, value }) => ({
    id: String(id),
    contentType: 'text/plain',
    size: value.length,
    node: 'n1',
    time: '2026-01-01T00:00:00.000Z',
    value,
  }))
  return new Response(JSON.stringify({ siblings: listed }), { status: 300, headers })
}

function contextOf(siblings: readonly Stored[]): string {
  return [0, ...siblings.map(({ id }) => id)].join('.')
}
