/** The example of src/api/README.md against a real node, with an EventSource that does what those of browsers do. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventSource as BrowserSource } from 'undici'
import { startCluster, type TestCluster } from './test-cluster.ts'

let cluster: TestCluster
const opened: EventSource[] = []

/** A page knows its own address. */
class EventSource extends BrowserSource {
  constructor(path: string) {
    super(`http://127.0.0.1:${cluster.nodes[0]?.clientPort}${path}`)
    opened.push(this)
  }
}

beforeAll(async () => {
  cluster = await startCluster(1)
})

afterAll(async () => {
  for (const source of opened) source.close()
  await cluster.stop()
})

async function create(key: string): Promise<void> {
  const bucket = await cluster.request(0, '/v1/buckets/carts', { method: 'PUT', body: '{}' })
  expect(bucket.status).toBe(201)
  await put(key)
}

async function put(key: string): Promise<void> {
  const written = await cluster.request(0, `/v1/kv/carts/${key}`, { method: 'PUT', body: 'x' })
  expect(written.status).toBe(204)
}

test('a browser watches a bucket, also after an answer that is not 200', async () => {
  await create('anna')
  const keys = new Set<string>()
  function watch(): void {
    keys.clear()
    const changes = new EventSource('/v1/watch/carts?since=0')
    changes.onmessage = ({ data }) => {
      const { type, key } = JSON.parse(data) as { type: string; key: string }
      if (type === 'put') keys.add(key)
      else keys.delete(key)
    }
    changes.addEventListener('reset', () => keys.clear())
    changes.onerror = () => {
      if (changes.readyState === EventSource.CLOSED) setTimeout(watch, 1000)
    }
  }
  watch()
  await expect.poll(() => [...keys]).toEqual(['anna'])
  await put('ben')
  await expect.poll(() => [...keys]).toEqual(['anna', 'ben'])
  // The new bucket has a history of its own, so the position in that of the old one is gone.
  await cluster.request(0, '/v1/buckets/carts?force=true', { method: 'DELETE' })
  await create('cleo')
  await expect.poll(() => [...keys]).toEqual(['cleo'])
  expect(opened.length).toBeGreaterThan(1)
  expect(opened[0]?.readyState).toBe(EventSource.CLOSED)
})
