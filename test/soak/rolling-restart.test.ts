/**
 * A rolling restart of five nodes, while clients read and write at quorum and strong, and watch: no call of a client
 * fails, and no acknowledged write is lost. It tells the longest call. ROUNDS sets how often each node is restarted.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, json, type Quorate } from '../../src/client/quorate.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 2)
const WORKERS = 8
const KEYS_PER_WORKER = 50
/** Longer than usual, because the nodes share one machine, and a start takes all of it for seconds. */
const TIMEOUT_MS = 20_000
const WAIT = { timeout: 120_000, interval: 100 }

let dir: string
let cluster: LocalCluster
let client: Quorate

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorate-rolling-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(dir, 'data'), basePort: 0 })
  client = createClient({
    endpoints: Object.fromEntries(cluster.nodes.map(({ id, clientUrl }) => [id, clientUrl])),
    timeoutMs: TIMEOUT_MS,
  })
})
afterAll(async () => {
  await client.close()
  await cluster.stop()
  await rm(dir, { recursive: true })
})

/** What the clients were told. */
class Calls {
  readonly done = new Map<string, number>()
  readonly failed: string[] = []
  longest = { ms: 0, what: '' }
  /** The longest time in which no call ended well. */
  gapMs = 0
  #lastMs = performance.now()

  async run<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const beganMs = performance.now()
    try {
      const answer = await call()
      this.#ended(what, beganMs)
      return answer
    } catch (error) {
      this.failed.push(`${what}: ${String(error)}`)
      return undefined
    }
  }

  #ended(what: string, beganMs: number): void {
    const nowMs = performance.now()
    this.done.set(what, (this.done.get(what) ?? 0) + 1)
    if (nowMs - beganMs > this.longest.ms) this.longest = { ms: nowMs - beganMs, what }
    this.gapMs = Math.max(this.gapMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }
}

/** One worker: nobody else writes its keys. */
async function work(calls: Calls, worker: number, over: AbortSignal): Promise<void> {
  const values = client.bucket('default')
  const counts = client.strong('strong', { format: json<number>() })
  for (let i = 0; !over.aborted; i++) {
    const key = `w${worker}-${i % KEYS_PER_WORKER}`
    const value = `${key}-${i}`
    await calls.run('quorum put', () => values.put(key, value))
    const read = await calls.run('quorum get', () => values.get(key))
    if (read?.value() !== value) calls.failed.push(`${key}: ${read?.value()} instead of ${value}`)
    const updated = await calls.run('strong update', () => counts.update(key, (n = 0) => n + 1))
    const told = await calls.run('strong get', () => counts.get(key))
    const expected = Math.floor(i / KEYS_PER_WORKER) + 1
    if (updated?.value !== expected || told?.value !== expected) {
      calls.failed.push(`${key}: ${updated?.value} and ${told?.value} instead of ${expected}`)
    }
  }
}

async function watchAll(keys: Set<string>, signal: AbortSignal): Promise<void> {
  try {
    for await (const event of client.bucket('default').watch({ everything: true, signal })) {
      if (event.type === 'put') keys.add(event.key)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Whether every node is ready and sees every other one. */
async function isWhole(): Promise<boolean> {
  const whole = await Promise.all(
    cluster.nodes.map(async ({ clientUrl }) => {
      const ready = await fetch(`${clientUrl}/readyz`)
      await ready.arrayBuffer()
      const { members } = (await (await fetch(`${clientUrl}/v1/cluster`)).json()) as {
        members: readonly { readonly state: string }[]
      }
      return ready.status === 200 && members.every(({ state }) => state === 'up')
    }),
  )
  return whole.every(Boolean)
}

test(`each of five nodes restarts ${ROUNDS} times, and no call fails`, async () => {
  const calls = new Calls()
  const over = new AbortController()
  const seen = new Set<string>()
  const watching = watchAll(seen, over.signal)
  const workers = Array.from({ length: WORKERS }, (_, i) => work(calls, i, over.signal))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { id } of cluster.nodes) {
      const beganMs = performance.now()
      await cluster.control.restart(id)
      await expect.poll(isWhole, WAIT).toBe(true)
      const { longest, gapMs, failed } = calls
      console.log(
        `${id} was back after ${Math.round(performance.now() - beganMs)} ms; ${failed.length} calls failed; ` +
          `longest call so far ${Math.round(longest.ms)} ms (${longest.what}); longest gap ${Math.round(gapMs)} ms`,
      )
    }
  }
  const keys = Array.from({ length: WORKERS }, (_, w) =>
    Array.from({ length: KEYS_PER_WORKER }, (_, k) => `w${w}-${k}`),
  ).flat()
  await expect.poll(() => keys.filter((key) => !seen.has(key)), WAIT).toEqual([])
  over.abort()
  await Promise.all([watching, ...workers])
  console.log(Object.fromEntries(calls.done))
  expect(calls.failed.slice(0, 20)).toEqual([])
})
