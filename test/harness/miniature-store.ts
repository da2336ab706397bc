/**
 * A small store in one process that serves the HTTP interface of a cluster to the harness, on `nodes` ports. It keeps a
 * siblings bucket in a map. A test can make it break one promise, to see that the harness and its checkers notice. It
 * contains no code of the real store.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** `forget`: acknowledges without storing; `lie`: rejects but stores; `revive`: never gives up one sibling. */
export type Defect = 'none' | 'forget' | 'lie' | 'revive' | 'invent' | 'hang up'

export interface MiniatureStore extends AsyncDisposable {
  readonly urls: readonly string[]
}

/** One of so many writes is handled wrongly. */
const DEFECT_EVERY = 10
/** The sibling of each key that `revive` never gives up. */
const STUBBORN_VERSION = 2

interface Entry {
  version: number
  siblings: { readonly version: number; readonly value: string }[]
}

/** `mode` is the mode that it reports for its buckets. It keeps siblings in any case. */
export async function startMiniatureStore(
  nodes: number,
  defect: Defect,
  mode = 'siblings',
): Promise<MiniatureStore> {
  const entries = new Map<string, Entry>()
  let writes = 0
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', 'http://store')
    if (!url.pathname.startsWith('/v1/kv/')) return answerHealth(url.pathname, response, mode)
    const entry = entries.get(url.pathname)
    if (request.method === 'GET') return answerRead(entry, response, defect)
    const value = await text(request)
    const broken = ++writes % DEFECT_EVERY === 0 && url.searchParams.get('consistency') !== 'all'
    if (!(broken && defect === 'forget')) {
      const context = request.headers['quorate-context']
      put(
        entries,
        url.pathname,
        value,
        typeof context === 'string' ? context.split('.').map(Number) : undefined,
        defect === 'revive',
      )
    }
    if (broken && defect === 'lie')
      return answerProblem(response, 503, 'quorum_unreachable', 'rejected')
    if (broken && defect === 'hang up') return void response.destroy()
    const left = entries.get(url.pathname)?.siblings ?? []
    response.setHeader('quorate-siblings', left.length)
    response.setHeader('quorate-context', left.map(({ version }) => version).join('.'))
    response.writeHead(204).end()
  }
  const servers = await Promise.all(
    Array.from({ length: nodes }, () =>
      listen((request, response) => void handle(request, response)),
    ),
  )
  return {
    urls: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

/** The context lists the versions of the siblings that were read. */
function put(
  entries: Map<string, Entry>,
  key: string,
  value: string,
  context: number[] | undefined,
  stubborn: boolean,
): void {
  const entry = entries.get(key) ?? { version: 0, siblings: [] }
  entries.set(key, entry)
  const kept = entry.siblings.filter(
    ({ version }) =>
      (stubborn && version === STUBBORN_VERSION) ||
      (context !== undefined && !context.includes(version)),
  )
  entry.siblings = [...kept, { version: ++entry.version, value }]
}

function answerRead(entry: Entry | undefined, response: ServerResponse, defect: Defect): void {
  if (entry === undefined) return answerProblem(response, 404, 'key_absent', 'rejected')
  response.setHeader('quorate-context', entry.siblings.map(({ version }) => version).join('.'))
  const values = entry.siblings.map(({ value }) => value)
  if (defect === 'invent') values.push('[987654]')
  if (values.length === 1) return void response.writeHead(200).end(values[0])
  response.writeHead(300).end(JSON.stringify({ siblings: values.map((value) => ({ value })) }))
}

function answerHealth(path: string, response: ServerResponse, mode: string): void {
  const bucket = path.startsWith('/v1/buckets/') ? { mode } : {}
  const view = path === '/v1/cluster' ? { members: [], hints: {} } : bucket
  response.writeHead(200).end(JSON.stringify(view))
}

function answerProblem(
  response: ServerResponse,
  status: number,
  code: string,
  outcome: string,
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' })
  response.end(JSON.stringify({ status, code, outcome }))
}

async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
