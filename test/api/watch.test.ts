/** `GET /v1/watch/{bucket}` at real nodes, as a client reads it: byte by byte. */
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCluster, type TestCluster } from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
})

afterAll(() => cluster.stop())

interface Told {
  readonly name: string
  readonly id: string
  readonly data: Record<string, unknown>
}

/** One open stream. */
class Stream {
  readonly response: IncomingMessage
  #text = ''

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
  }

  /** The next event. */
  async next(): Promise<Told | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end >= 0) {
        const block = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        if (block.startsWith('retry:')) continue
        return parse(block)
      }
      const chunk = (this.response.read() as string | null) ?? (await this.#more())
      if (chunk === undefined) return undefined
      this.#text += chunk
    }
  }

  /** The events up to the first that is wanted. */
  async until(isLast: (told: Told) => boolean): Promise<Told[]> {
    const events: Told[] = []
    for (;;) {
      const told = await this.next()
      if (told === undefined) throw new Error('the stream has ended')
      events.push(told)
      if (isLast(told)) return events
    }
  }

  close(): void {
    this.response.destroy()
  }

  #more(): Promise<string | undefined> {
    // Its events have come already.
    if (this.response.readableEnded || this.response.closed) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const take = (): void => {
        this.response.off('end', take).off('close', take).off('readable', take)
        resolve(
          (this.response.read() as string | null) ?? (this.response.readableEnded ? undefined : ''),
        )
      }
      this.response.on('readable', take).on('end', take).on('close', take)
    })
  }
}

function parse(block: string): Told {
  const lines = block.split('\n').map((line) => {
    const colon = line.indexOf(': ')
    return [line.slice(0, colon), line.slice(colon + 2)] as const
  })
  const field = (name: string): string => lines.find(([its]) => its === name)?.[1] ?? ''
  // Every line is known, and the data is one line.
  expect(lines.every(([name]) => ['event', 'id', 'data'].includes(name))).toBe(true)
  expect(lines.filter(([name]) => name === 'data')).toHaveLength(1)
  return {
    name: field('event') || 'message',
    id: field('id'),
    data: JSON.parse(field('data')) as Record<string, unknown>,
  }
}

function open(node: number, path: string, headers: Record<string, string> = {}): Promise<Stream> {
  const { clientPort } = cluster.nodes[node] as { clientPort: number }
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: clientPort, path, headers }, (response) =>
      resolve(new Stream(response)),
    )
    sent.on('error', reject)
    sent.end()
  })
}

async function put(node: number, target: string, body = 'x'): Promise<void> {
  const { status } = await cluster.request(node, target, { method: 'PUT', body })
  expect(status).toBe(204)
}

const isKey =
  (key: string) =>
  ({ data }: Told): boolean =>
    data['key'] === key

describe('a watch', () => {
  it('begins with a heartbeat that has an id, and tells changes', async () => {
    const stream = await open(0, '/v1/watch/default?prefix=a/')
    expect(stream.response.statusCode).toBe(200)
    expect(stream.response.headers['content-type']).toBe('text/event-stream')
    const first = await stream.next()
    expect(first).toMatchObject({ name: 'heartbeat', data: { complete: true } })
    expect(first?.id).toMatch(/^[\w-]{20,}$/)
    await put(1, '/v1/kv/default/b/no')
    await put(1, '/v1/kv/default/a/1', 'value')
    const told = await stream.next()
    expect(told).toMatchObject({
      name: 'message',
      data: { type: 'put', key: 'a/1', size: 5, siblings: 1, etag: expect.stringMatching(/^"/) },
    })
    await cluster.request(2, '/v1/kv/default/a/1', { method: 'DELETE' })
    const [gone] = (await stream.until(({ data }) => data['type'] === 'delete')).slice(-1)
    expect(gone?.data).toEqual({ type: 'delete', key: 'a/1' })
    stream.close()
  })

  it('continues at another node after the last id, in a header or a parameter', async () => {
    const first = await open(0, '/v1/watch/default')
    const { id } = (await first.next()) as Told
    first.close()
    await put(1, '/v1/kv/default/resumed')
    for (const [node, path, headers] of [
      [1, '/v1/watch/default', { 'last-event-id': id }],
      [2, `/v1/watch/default?since=${id}`, {}],
      [2, '/v1/watch/default?since=0', { 'last-event-id': id }],
    ] as const) {
      const again = await open(node, path, headers)
      const events = await again.until(isKey('resumed'))
      expect(events.every(({ name }) => name === 'heartbeat' || name === 'message')).toBe(true)
      again.close()
    }
  })

  it('begins with every key, if since is 0', async () => {
    await put(0, '/v1/kv/latest/one')
    await put(0, '/v1/kv/latest/two')
    const stream = await open(1, '/v1/watch/latest?since=0')
    const events = await stream.until(({ name }) => name === 'complete')
    const keys = events.flatMap(({ name, data }) => (name === 'message' ? [data['key']] : []))
    expect(new Set(keys)).toEqual(new Set(['one', 'two']))
    expect(new Set(events.slice(0, -1).map(({ id }) => id))).toEqual(new Set(['0']))
    expect(events.at(-1)?.id).toMatch(/^[\w-]{20,}$/)
    stream.close()
  })

  it('begins with a reset, if a client comes back that has not got every key', async () => {
    const stream = await open(1, '/v1/watch/latest?since=0', { 'last-event-id': '0' })
    const events = await stream.until(({ name }) => name === 'complete')
    const names = events.map(({ name }) => name).filter((name) => name !== 'message')
    expect(names).toEqual(['heartbeat', 'reset', 'complete'])
    expect(events[1]?.id).toBe('0')
    stream.close()
  })

  it('keeps an event on one line, whatever is in the key', async () => {
    const stream = await open(0, '/v1/watch/default?prefix=odd')
    await put(1, '/v1/kv/default/odd%0D%0Adata:%20x%0A%0Aid:%20y%E2%80%A8')
    const [told] = (await stream.until(({ name }) => name === 'message')).slice(-1)
    expect(told?.data['key']).toBe('odd\r\ndata: x\n\nid: y\u2028')
    stream.close()
  })

  it('tells decided values of a strong bucket, and values of a counter', async () => {
    await cluster.request(0, '/v1/buckets/visits', { method: 'PUT', body: '{"mode":"counter"}' })
    const strong = await open(0, '/v1/watch/strong')
    const counter = await open(1, '/v1/watch/visits')
    await put(1, '/v1/kv/strong/seat', 'ada')
    const body = '{"increment":1}'
    await cluster.request(2, '/v1/kv/visits/home', { method: 'POST', body })
    const [seat] = (await strong.until(isKey('seat'))).slice(-1)
    const read = await cluster.request(2, '/v1/kv/strong/seat')
    expect(seat?.data['etag']).toBe(read.headers['etag'])
    const [home] = (await counter.until(isKey('home'))).slice(-1)
    expect(home?.data).toMatchObject({ type: 'put', siblings: 1 })
    strong.close()
    counter.close()
  })
})

describe('a watch is refused', () => {
  it.each([
    ['/v1/watch/nobody', 404, 'bucket_unknown'],
    ['/v1/watch/default?since=nonsense', 400, 'bad_parameter'],
    ['/v1/watch/default?since=', 400, 'bad_parameter'],
    ['/v1/watch/default?limit=1', 400, 'bad_parameter'],
    [`/v1/watch/default?prefix=${'x'.repeat(1025)}`, 400, 'bad_parameter'],
    ['/v1/watch/No', 400, 'bad_bucket'],
  ])('%s', async (path, status, code) => {
    const answer = await cluster.request(0, path)
    expect([answer.status, (JSON.parse(answer.text) as { code: string }).code]).toEqual([
      status,
      code,
    ])
  })

  it('with the id of another bucket', async () => {
    const stream = await open(0, '/v1/watch/default')
    const { id } = (await stream.next()) as Told
    stream.close()
    const answer = await cluster.request(0, `/v1/watch/latest?since=${id}`)
    expect(answer.status).toBe(400)
  })
})

it('the stream ends when its bucket is deleted, and a bucket of the same name has a history of its own', async () => {
  const create = () => cluster.request(0, '/v1/buckets/short', { method: 'PUT', body: '{}' })
  expect((await create()).status).toBe(201)
  const stream = await open(1, '/v1/watch/short')
  const { id } = (await stream.next()) as Told
  await cluster.request(2, '/v1/buckets/short?force=true', { method: 'DELETE' })
  const [end] = (await stream.until(({ name }) => name === 'end')).slice(-1)
  expect(end?.data).toEqual({ reason: 'the bucket is gone' })
  expect(await stream.next()).toBeUndefined()
  expect((await create()).status).toBe(201)
  expect((await cluster.request(0, `/v1/watch/short?since=${id}`)).status).toBe(410)
})

it('the stream ends when its node stops, and its position is gone when no log is left', async () => {
  const stream = await open(2, '/v1/watch/default')
  const { id } = (await stream.next()) as Told
  for (const node of [0, 1, 2]) await cluster.nodes[node]?.stop()
  while ((await stream.next()) !== undefined);
  await Promise.all([0, 1, 2].map((node) => cluster.restart(node)))
  const answer = await cluster.request(1, `/v1/watch/default?since=${id}`)
  expect([answer.status, (JSON.parse(answer.text) as { code: string }).code]).toEqual([
    410,
    'watch_position_gone',
  ])
})
