/**
 * Lists of keys cost by the key, not by what the values hold: sixteen at once over 600 values of 1 MiB are answered within
 * two seconds each, take little memory, and do not hold up small writes beside them.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { fillKeys } from './filled-keys.ts'
import { memoryPeaks, rounded } from './resident-memory.ts'

const MIB = 1024 * 1024
const LARGE_VALUES = 600
const LISTS_AT_ONCE = 16
const MEASURE_MS = 15_000
const REST_MS = 10_000
const PUT_PAUSE_MS = 10
const TOLD_BYTES = 300
const WRITERS = 4

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

/** Milliseconds of each small write until `isOver`. */
async function smallPuts(isOver: () => boolean, refused: string[]): Promise<number[]> {
  const took: number[] = []
  for (let i = 0; !isOver(); i++) {
    const startMs = performance.now()
    const url = `${urls[i % urls.length]}/v1/kv/latest/small-${i % 100}`
    const answer = await fetch(url, { method: 'PUT', body: 'small' })
    const text = await answer.text()
    took.push(performance.now() - startMs)
    if (answer.status !== 204) refused.push(`${answer.status} ${text.slice(0, TOLD_BYTES)}`)
    await sleep(PUT_PAUSE_MS)
  }
  return took
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number
}

test(`${LISTS_AT_ONCE} lists at once over ${LARGE_VALUES} values of 1 MiB`, async () => {
  await fillKeys(urls, LARGE_VALUES, WRITERS, (i) => `default/large-${i}`, randomBytes(MIB))
  await sleep(REST_MS)
  const refused: string[] = []
  const quietEndMs = performance.now() + MEASURE_MS
  const quietPuts = smallPuts(() => performance.now() > quietEndMs, refused)
  // The most of as long a time without lists: a node at rest reads its large records now and then, too (scrub.ts).
  const rest = await memoryPeaks(cluster, quietPuts)
  const quiet = await quietPuts

  let isOver = false
  const puts = smallPuts(() => isOver, refused)
  const lists: number[] = []
  const list = async (i: number): Promise<void> => {
    const startMs = performance.now()
    const url = `${urls[i % 2 === 0 ? 0 : i % urls.length]}/v1/keys/default?limit=1000`
    const answer = await fetch(url)
    const text = await answer.text()
    lists.push(performance.now() - startMs)
    const isWhole = text.includes('"next":null,"complete":true')
    const keys = text.split('{"key":').length - 1
    if (answer.status !== 200 || !isWhole || keys !== LARGE_VALUES)
      refused.push(`${answer.status}, ${keys} keys: ${text.slice(-TOLD_BYTES)}`)
  }
  const endMs = performance.now() + MEASURE_MS
  const listing = async (): Promise<void> => {
    while (performance.now() < endMs)
      await Promise.all(Array.from({ length: LISTS_AT_ONCE }, (_, i) => list(i)))
  }
  const peaks = await memoryPeaks(cluster, listing())
  isOver = true
  const beside = await puts
  const above = new Map([...peaks].map(([id, mib]) => [id, mib - (rest.get(id) as number)]))
  const p99 = { quiet: percentile(quiet, 99), beside: percentile(beside, 99) }
  console.log({
    lists: lists.length,
    slowestMs: Math.round(Math.max(...lists)),
    medianMs: Math.round(percentile(lists, 50)),
  })
  console.log(`${refused.length} refused`, new Set(refused.slice(0, 5)))
  console.log('MiB at rest', rounded(rest), 'above it', rounded(above))
  console.log('p99 of small puts in ms', p99, `of ${quiet.length} and ${beside.length}`)
  expect(refused).toEqual([])
  expect(Math.max(...lists)).toBeLessThan(2000)
  expect(Math.max(...above.values())).toBeLessThan(100)
  expect(p99.beside).toBeLessThan(10 * p99.quiet)
})
