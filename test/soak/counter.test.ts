/**
 * A counter that is incremented a thousand times, each time by three requests under one key through three nodes, while
 * the nodes are cut, killed and paused: it is exactly a thousand.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type LocalCluster } from '../../src/local-cluster/local-cluster.ts'
import { checkCommand } from '../../src/harness/check-command.ts'
import { NO_PROGRESS } from '../terminal/no-progress.ts'

const INCREMENTS = 1000
const REQUESTS_OF_EACH = 3
const AT_ONCE = 8
const ATTEMPTS_MAX = 200
const REQUEST_TIMEOUT_MS = 4000
const FAULTS = '--workload counter --nemesis mix --time-limit 1200s --rate 10 --keys 2'

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

/** Status → how many requests, over all increments. */
const answers = new Map<number, number>()

/** Whether it was acknowledged. */
async function increment(node: number, by: number, key?: string): Promise<boolean> {
  const url = `${urls[node % urls.length]}/v1/kv/counters/soak?timeout=2000`
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  const body = JSON.stringify({ increment: by })
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  const response = await fetch(url, { method: 'POST', headers, body, signal }).catch(
    () => undefined,
  )
  await response?.arrayBuffer().catch(() => undefined)
  const status = response?.status ?? 0
  answers.set(status, (answers.get(status) ?? 0) + 1)
  return response?.ok === true
}

/** Three requests, and as many more as it takes until one is acknowledged. */
async function count(number: number): Promise<void> {
  let acknowledged = 0
  for (let i = 0; i < REQUESTS_OF_EACH || acknowledged === 0; i++) {
    expect(i, `requests of increment ${number}`).toBeLessThan(ATTEMPTS_MAX)
    if (await increment(number + i, 1, `soak ${number}`)) acknowledged++
  }
}

test('a thousand increments, each sent three times through three nodes under faults, are a thousand', async () => {
  const said: string[] = []
  const stop = new AbortController()
  const print = (line: string): void => void said.push(line)
  const where = ['--target', 'local', '--data', cluster.dataDir, '--results', `${dir}/results`]
  const check = checkCommand([...FAULTS.split(' '), ...where], {
    print,
    complain: print,
    stop: stop.signal,
    progress: NO_PROGRESS,
  })
  await expect.poll(() => increment(0, 0), { timeout: 60_000 }).toBe(true)
  const startMs = performance.now()
  let next = 0
  const client = async (): Promise<void> => {
    while (next < INCREMENTS) await count(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  const seconds = Math.round((performance.now() - startMs) / 1000)
  console.log(
    `${INCREMENTS} increments in ${seconds} s; requests by status`,
    Object.fromEntries(answers),
  )
  // The faults go on for as long as the increments.
  stop.abort()
  const exitCode = await check
  console.log(said.join('\n'))
  expect([exitCode, said.join('\n')]).toEqual([0, expect.stringContaining('verdict valid')])
  for (const url of urls) {
    const response = await fetch(`${url}/v1/kv/counters/soak?consistency=all`)
    expect(await response.text()).toBe(`{"value":${INCREMENTS}}\n`)
  }
})
