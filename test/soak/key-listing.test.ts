/**
 * Lists of keys cost by the key, not by what the values hold: sixteen at once over 600 values of 1 MiB are answered within
 * two seconds each, take little memory, and do not hold up small writes beside them. LISTED_KEYS sets how many small keys
 * the second test lists.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/cluster/local-cluster.ts'

const MIB = 1024 * 1024
const LARGE_VALUES = 600
const LISTS_AT_ONCE = 16
const MEASURE_MS = 15_000
const REST_MS = 10_000
const PUT_PAUSE_MS = 10
const MEMORY_LOOK_MS = 100
const LISTED_KEYS = Number(process.env['LISTED_KEYS'] ?? 200_000)
const WRITERS = 64

let root: string
let cluster: LocalCluster
let urls: string[]
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'quorate-lists-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(root, 'data'), basePort: 0 })
  urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
})
afterEach(async () => {
  await cluster.stop()
  await rm(root, { recursive: true })
})

/** Writes so many keys with so many clients; each is tried until it is acknowledged. */
async function fill(
  count: number,
  clients: number,
  path: (i: number) => string,
  value: Uint8Array<ArrayBuffer>,
): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next < count) {
      const i = next++
      for (let attempt = 1; ; attempt++) {
        const url = `${urls[i % urls.length]}/v1/kv/${path(i)}`
        const { status } = await fetch(url, { method: 'PUT', body: value })
        if (status === 204) break
        expect(attempt, `PUT ${url}: ${status}`).toBeLessThan(20)
        await sleep(attempt * 100)
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

/** Resident MiB of every node. */
async function memoryOf(): Promise<Map<string, number>> {
  const nodes = await cluster.control.status()
  return new Map(
    nodes.map(({ id, pid }) => {
      const kib = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
      return [id, Number(kib) / 1024]
    }),
  )
}

/** The most of each node while `work` goes on. */
async function memoryPeaks(work: Promise<unknown>): Promise<Map<string, number>> {
  const peaks = await memoryOf()
  let isOver = false
  const done = work.finally(() => (isOver = true))
  while (!isOver) {
    await sleep(MEMORY_LOOK_MS)
    for (const [id, mib] of await memoryOf()) peaks.set(id, Math.max(mib, peaks.get(id) ?? 0))
  }
  await done
  return peaks
}

/** Milliseconds of each small write until `isOver`. */
async function smallPuts(isOver: () => boolean): Promise<number[]> {
  const took: number[] = []
  for (let i = 0; !isOver(); i++) {
    const startMs = performance.now()
    const url = `${urls[i % urls.length]}/v1/kv/latest/small-${i % 100}`
    const { status } = await fetch(url, { method: 'PUT', body: 'small' })
    took.push(performance.now() - startMs)
    expect(status).toBe(204)
    await sleep(PUT_PAUSE_MS)
  }
  return took
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number
}

function rounded(numbers: ReadonlyMap<string, number>): object {
  return Object.fromEntries([...numbers].map(([id, mib]) => [id, Math.round(mib)]))
}

test(`${LISTS_AT_ONCE} lists at once over ${LARGE_VALUES} values of 1 MiB`, async () => {
  await fill(LARGE_VALUES, 4, (i) => `default/large-${i}`, new Uint8Array(randomBytes(MIB)))
  await sleep(REST_MS)
  const quietEndMs = performance.now() + MEASURE_MS
  const quiet = await smallPuts(() => performance.now() > quietEndMs)
  const rest = await memoryOf()

  let isOver = false
  const puts = smallPuts(() => isOver)
  const lists: number[] = []
  const list = async (i: number): Promise<void> => {
    const startMs = performance.now()
    const answer = await fetch(
      `${urls[i % 2 === 0 ? 0 : i % urls.length]}/v1/keys/default?limit=1000`,
    )
    const { keys, next, complete } = (await answer.json()) as Record<string, unknown>
    lists.push(performance.now() - startMs)
    expect({ status: answer.status, keys: (keys as unknown[]).length, next, complete }).toEqual({
      status: 200,
      keys: LARGE_VALUES,
      next: null,
      complete: true,
    })
  }
  const endMs = performance.now() + MEASURE_MS
  const listing = async (): Promise<void> => {
    while (performance.now() < endMs)
      await Promise.all(Array.from({ length: LISTS_AT_ONCE }, (_, i) => list(i)))
  }
  const peaks = await memoryPeaks(listing())
  isOver = true
  const beside = await puts
  const above = new Map([...peaks].map(([id, mib]) => [id, mib - (rest.get(id) as number)]))
  const p99 = { quiet: percentile(quiet, 99), beside: percentile(beside, 99) }
  console.log({
    lists: lists.length,
    slowestMs: Math.round(Math.max(...lists)),
    medianMs: Math.round(percentile(lists, 50)),
  })
  console.log('MiB at rest', rounded(rest), 'above it', rounded(above))
  console.log('p99 of small puts in ms', p99, `of ${quiet.length} and ${beside.length}`)
  expect(Math.max(...lists)).toBeLessThan(2000)
  expect(Math.max(...above.values())).toBeLessThan(100)
  expect(p99.beside).toBeLessThan(10 * p99.quiet)
})

test(`a list of ${LISTED_KEYS} keys`, async () => {
  const width = String(LISTED_KEYS).length
  const nameOf = (i: number): string => `k-${String(i).padStart(width, '0')}`
  const fillStartMs = performance.now()
  await fill(LISTED_KEYS, WRITERS, (i) => `latest/${nameOf(i)}`, new Uint8Array(16))
  console.log(`filled in ${Math.round(performance.now() - fillStartMs)} ms`)
  await sleep(REST_MS)
  const rest = await memoryOf()
  let startMs = performance.now()
  const stream = async (): Promise<string[]> => {
    const headers = { accept: 'application/x-ndjson' }
    const answer = await fetch(`${urls[0]}/v1/keys/latest`, { headers })
    return (await answer.text()).trimEnd().split('\n')
  }
  const streaming = stream()
  const streamPeaks = await memoryPeaks(streaming)
  const lines = await streaming
  const above = new Map([...streamPeaks].map(([id, mib]) => [id, mib - (rest.get(id) as number)]))
  console.log(
    `NDJSON took ${Math.round(performance.now() - startMs)} ms; MiB at rest`,
    rounded(rest),
    'above it',
    rounded(above),
  )
  expect(JSON.parse(lines.pop() as string)).toEqual({ next: null, complete: true })
  expect(lines.length).toBe(LISTED_KEYS)
  lines.forEach((line, i) => expect((JSON.parse(line) as { key: string }).key).toBe(nameOf(i)))

  startMs = performance.now()
  let slowestMs = 0
  let count = 0
  for (let path: string | undefined = '/v1/keys/latest?limit=1000'; path !== undefined;) {
    const pageMs = performance.now()
    const answer: Response = await fetch(`${urls[1]}${path}`)
    const { keys, complete } = (await answer.json()) as { keys: unknown[]; complete: boolean }
    slowestMs = Math.max(slowestMs, performance.now() - pageMs)
    expect(complete).toBe(true)
    count += keys.length
    path = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  console.log(
    `pages took ${Math.round(performance.now() - startMs)} ms, the slowest ${Math.round(slowestMs)} ms`,
  )
  expect(count).toBe(LISTED_KEYS)
})
