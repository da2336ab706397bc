/**
 * A counter that is incremented a thousand times, each time by three requests under one key through three nodes, while
 * the nodes are cut, killed and paused: it is exactly a thousand.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type LocalCluster } from '../../src/cluster/local-cluster.ts'
import { checkCommand } from '../../src/harness/command.ts'

const INCREMENTS = 1000
const REQUESTS_OF_EACH = 3
const ATTEMPTS_MAX = 200
const REQUEST_TIMEOUT_MS = 4000
const FAULTS = '--workload counter --nemesis mix --time-limit 150s --rate 20 --keys 2'

let dir: string
let cluster: LocalCluster
let urls: readonly string[]

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorate-soak-'))
  cluster = await startCluster({ nodes: 5, dataDir: path.join(dir, 'data'), basePort: 0 })
  urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
})
afterAll(async () => {
  await cluster.stop()
  await rm(dir, { recursive: true })
})

/** Whether it was acknowledged. */
async function request(node: number, method: string, sent: RequestInit): Promise<boolean> {
  const url = `${urls[node % urls.length]}/v1/kv/counters/soak?timeout=2000`
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  const response = await fetch(url, { method, signal, ...sent }).catch(() => undefined)
  await response?.arrayBuffer().catch(() => undefined)
  return response?.ok === true
}

/** Three requests, and as many more as it takes until one is acknowledged. */
async function count(number: number): Promise<void> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': `soak ${number}` }
  const sent = { headers, body: '{"increment":1}' }
  let acknowledged = 0
  for (let i = 0; i < REQUESTS_OF_EACH || acknowledged === 0; i++) {
    expect(i, `requests of increment ${number}`).toBeLessThan(ATTEMPTS_MAX)
    if (await request(number + i, 'POST', sent)) acknowledged++
  }
}

test('a thousand increments, each sent three times through three nodes under faults, are a thousand', async () => {
  const said: string[] = []
  const print = (line: string): void => void said.push(line)
  const where = ['--target', 'local', '--data', cluster.dataDir, '--results', `${dir}/results`]
  const check = checkCommand([...FAULTS.split(' '), ...where], {
    print,
    complain: print,
    stop: new AbortController().signal,
  })
  await expect
    .poll(() => request(0, 'POST', { body: '{"increment":0}' }), { timeout: 60_000 })
    .toBe(true)
  for (let number = 0; number < INCREMENTS; number += 4) {
    await Promise.all([0, 1, 2, 3].map((i) => count(number + i)))
  }
  expect([await check, said.join('\n')]).toEqual([0, expect.stringContaining('verdict valid')])
  for (const url of urls) {
    const response = await fetch(`${url}/v1/kv/counters/soak?consistency=all`)
    expect(await response.text()).toBe(`{"value":${INCREMENTS}}\n`)
  }
})
