/** What clients see of a node that stops while requests and streams are under way. */
import { Readable } from 'node:stream'
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
  readonly status: Promise<number>
  /** Sends the rest of the body. */
  readonly finish: () => void
}

/** A write whose body is not complete. Resolves when the node has begun to receive it. */
async function holdPut(key: string): Promise<HeldPut> {
  const rest = Promise.withResolvers<undefined>()
  const begun = Promise.withResolvers<undefined>()
  async function* bytes() {
    yield 'begin'
    begun.resolve(undefined)
    await rest.promise
    yield 'end'
  }
  const status = request(`${url}/v1/kv/default/${key}`, {
    method: 'PUT',
    body: Readable.from(bytes()),
  }).then(async ({ statusCode, body }) => {
    await body.dump()
    return statusCode
  })
  // It is told where it is awaited.
  status.catch(() => undefined)
  await begun.promise
  const connections = async (): Promise<number> => {
    const metrics = await (await request(`${url}/metrics`)).body.text()
    return Number(/nodejs_active_resources\{type="TCPSocketWrap"\} (\d+)/.exec(metrics)?.[1])
  }
  await expect.poll(connections).toBeGreaterThan(1)
  return { status, finish: () => rest.resolve(undefined) }
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
  const streams = ['/v1/watch/default?since=0', '/v1/events'].map((path) =>
    request(`${url}${path}`).then(({ body }) => text(body)),
  )
  await expect
    .poll(async () => (await request(`${url}/metrics`)).body.text())
    .toMatch(/TCPSocketWrap"\} [3-9]/)
  await cluster.nodes[0]?.stop()
  for (const stream of await Promise.all(streams)) expect(stream).toContain('retry: 1000')
})
