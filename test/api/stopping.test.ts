/** What clients see of a node that stops while requests and streams are under way. */
import { once } from 'node:events'
import { type IncomingMessage, request as startRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { Client, type Dispatcher, request } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startCluster, type TestCluster } from './test-cluster.ts'

let cluster: TestCluster
let url: string

beforeEach(async () => {
  cluster = await startCluster(1)
  url = `http://127.0.0.1:${cluster.nodes[0]?.clientPort}`
})

afterEach(() => cluster.stop())

/** On a connection of its own, which the client would keep. */
function get(path: string): Promise<Dispatcher.ResponseData> {
  return new Client(url).request({ path, method: 'GET' })
}

interface HeldPut {
  readonly status: Promise<number | undefined>
  /** Sends the rest of the body. */
  readonly finish: () => void
}

/** A write whose body is not complete. Resolves when the node has begun to receive it. */
async function holdPut(key: string): Promise<HeldPut> {
  const put = startRequest(`${url}/v1/kv/default/${key}`, {
    method: 'PUT',
    // The node answers so once it has the head of the request.
    headers: { Expect: '100-continue' },
  })
  const status = once(put, 'response').then(([response]) => {
    const { statusCode } = (response as IncomingMessage).resume()
    return statusCode
  })
  // It is told where it is awaited.
  status.catch(() => undefined)
  const continued = once(put, 'continue')
  put.flushHeaders()
  await continued
  put.write('begin')
  return { status, finish: () => put.end('end') }
}

test('a node that stops is not ready at once, finishes what it has begun, and refuses the rest', async () => {
  const put = await holdPut('held')
  const stopped = cluster.nodes[0]?.stop()
  const ready = await get('/readyz?verbose&scope=node')
  expect([ready.statusCode, ready.headers['connection']]).toEqual([503, 'close'])
  expect(await ready.body.json()).toMatchObject({
    code: 'not_ready',
    detail: 'Not ready: stays: the node is stopping.',
    checks: [{ name: 'stays', ok: false }],
  })
  const live = await get('/livez')
  expect([live.statusCode, live.headers['connection']]).toEqual([200, 'close'])
  await live.body.dump()
  for (const path of ['/v1/kv/default/k', '/v1/buckets', '/v1/watch/default']) {
    const refused = await get(path)
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '2'])
    expect(await refused.body.json()).toMatchObject({
      code: 'not_ready',
      detail: 'n1 is stopping: ask another node.',
      outcome: 'rejected',
    })
  }
  put.finish()
  expect(await put.status).toBe(204)
  await stopped
  await expect(get('/livez')).rejects.toThrow('ECONNREFUSED')
  await cluster.restart(0)
  expect((await cluster.request(0, '/v1/kv/default/held')).text).toBe('beginend')
})

test('streams of events end, so that their clients go elsewhere', async () => {
  const streams = await Promise.all(
    ['/v1/watch/default?since=0', '/v1/events'].map((path) => request(`${url}${path}`)),
  )
  const told = streams.map(({ body }) => text(body))
  await cluster.nodes[0]?.stop()
  for (const stream of await Promise.all(told)) expect(stream).toContain('retry: 1000')
})
