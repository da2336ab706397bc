/**
 * A list of very many keys, as one stream of lines and as pages that follow links: both have every key once, in order,
 * and say that this is all. LISTED_KEYS sets how many.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { fillKeys } from './filled-keys.ts'
import { memoryOf, memoryPeaks, rounded } from './resident-memory.ts'

const LISTED_KEYS = Number(process.env['LISTED_KEYS'] ?? 200_000)
const WRITERS = 64
const REST_MS = 5000
const MEMORY_ABOVE_REST_MIB_MAX = 100

let root: string
let cluster: LocalCluster
let urls: string[]
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'quorate-keys-'))
  // Filling is not what is tried here.
  const env = { QUORATE_DURABILITY: 'os' }
  cluster = await startCluster({ nodes: 3, dataDir: join(root, 'data'), basePort: 0, env })
  urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
})
afterAll(async () => {
  await cluster.stop()
  await rm(root, { recursive: true })
})

const width = String(LISTED_KEYS).length
function nameOf(i: number): string {
  return `k-${String(i).padStart(width, '0')}`
}

async function lines(): Promise<string[]> {
  const headers = { accept: 'application/x-ndjson' }
  const answer = await fetch(`${urls[0]}/v1/keys/latest`, { headers })
  return (await answer.text()).trimEnd().split('\n')
}

interface Page {
  readonly keys: readonly { readonly key: string }[]
  readonly complete: boolean
}

test(`a list of ${LISTED_KEYS} keys`, async () => {
  let startMs = performance.now()
  const since = (): number => Math.round(performance.now() - startMs)
  await fillKeys(urls, LISTED_KEYS, WRITERS, (i) => `latest/${nameOf(i)}`, Buffer.alloc(16))
  console.log(`filled in ${since()} ms`)
  await sleep(REST_MS)
  const rest = await memoryOf(cluster)

  startMs = performance.now()
  const streaming = lines()
  const peaks = await memoryPeaks(cluster, streaming)
  const streamed = await streaming
  const above = new Map([...peaks].map(([id, mib]) => [id, mib - (rest.get(id) as number)]))
  console.log(`the stream took ${since()} ms`)
  console.log('MiB at rest', rounded(rest), 'above it', rounded(above))
  expect(JSON.parse(streamed.pop() as string)).toEqual({ next: null, complete: true })
  expect(streamed.length).toBe(LISTED_KEYS)
  const keys = streamed.map((line) => (JSON.parse(line) as { key: string }).key)
  expect(keys.findIndex((key, i) => key !== nameOf(i))).toBe(-1)
  expect(Math.max(...above.values())).toBeLessThan(MEMORY_ABOVE_REST_MIB_MAX)

  startMs = performance.now()
  let count = 0
  let path: string | undefined = '/v1/keys/latest?limit=1000'
  for (; path !== undefined;) {
    const answer: Response = await fetch(`${urls[1]}${path}`)
    const page = (await answer.json()) as Page
    expect(page.complete).toBe(true)
    expect(page.keys[0]?.key).toBe(nameOf(count))
    count += page.keys.length
    path = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  console.log(`pages of 1000 took ${since()} ms`)
  expect(count).toBe(LISTED_KEYS)
})
