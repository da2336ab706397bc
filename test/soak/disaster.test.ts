/**
 * Five nodes are backed up under load, lose every disk, and are restored from the file, in a new cluster at the same
 * addresses. Every write that was acknowledged before the backup is there, everything that was acknowledged before any
 * write that is there, and none is torn. A restore that is killed midway is continued, a damaged file is refused before
 * anything is written, a directory of the lost cluster is refused, and a living cluster takes the file, too.
 * DISASTER_SECONDS sets how long the load runs before the backup.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, json, type Quorate } from '../../src/client/quorate.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { openRoster, writeRoster } from '../../src/local-cluster/roster.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'
import { type BackupSpan, COUNTERS, RecordedLoad, SETS, type StrongValue } from './recorded-load.ts'

const SECONDS = Number(process.env['DISASTER_SECONDS'] ?? 20)
const NODES = 5
const FILL_KEYS = 2000
const FILL_COUNTERS = 400
const CALL_TIMEOUT_MS = 30_000
/** How long one node is dead under the load. It is back before the backup. */
const DEAD_MS = 4000
const FOR_GOOD_MS = 3_600_000
const WAIT = { timeout: 60_000, interval: 20 }
const ALL_SAME = { written: 0, replaced: 0, kept: 0, expired: 0, impossible: [] }

let root: string
let dataDir: string
let file: string
let cluster: LocalCluster
let client: Quorate
let load: RecordedLoad
let span: BackupSpan
let keys: number

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'quorate-disaster-'))
  dataDir = join(root, 'data')
  file = join(root, 'all.backup')
  await mkdir(dataDir)
  // The new cluster has the ports of the lost one, so that their nodes meet.
  writeRoster(dataDir, await openRoster(dataDir, NODES, 0))
  await start()
})
afterAll(async () => {
  await client.close()
  await cluster.stop()
  await rm(root, { recursive: true })
})

async function start(): Promise<void> {
  cluster = await startCluster({ nodes: NODES, dataDir, basePort: 0, report: console.log })
  const endpoints = Object.fromEntries(cluster.nodes.map(({ id, clientUrl }) => [id, clientUrl]))
  client = createClient({ endpoints, timeoutMs: CALL_TIMEOUT_MS })
}

/** Kills every node, and removes its directory. Keeps a copy of the directory of n3. */
async function destroy(): Promise<void> {
  for (const { id } of cluster.nodes) await cluster.control.kill(id, FOR_GOOD_MS)
  await Promise.all([client.close(), cluster.stop()])
  await cp(join(dataDir, 'n3'), join(root, 'old-n3'), { recursive: true })
  for (const node of cluster.nodes) await rm(node.dataDir, { recursive: true })
}

interface Ended {
  readonly code: number | null
  readonly printed: string
  readonly complained: string
}

function begin(...argv: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const script = join(PROJECT_ROOT, 'scripts', 'quorate.mjs')
  const QUORATE_ENDPOINTS = cluster.nodes.map(({ clientUrl }) => clientUrl).join(',')
  const env = { ...process.env, QUORATE_ENDPOINTS }
  const child = spawn(process.execPath, [script, ...argv, '--json'], { env })
  const said = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const ended = said.then(([printed, complained, [code]]) => ({
    code: code as number | null,
    printed,
    complained,
  }))
  return { child, ended }
}

async function run(...argv: string[]): Promise<Ended> {
  return begin(...argv).ended
}

async function report(...argv: string[]): Promise<Record<string, number>> {
  const { code, printed, complained } = await run(...argv, '--timeout', '30s')
  expect([code, complained]).toEqual([0, ''])
  return JSON.parse(printed) as Record<string, number>
}

async function keysOf(bucket: string): Promise<string[]> {
  const names: string[] = []
  for await (const { key } of client.bucket(bucket).keys()) names.push(key)
  return names
}

async function expectRestored(): Promise<void> {
  expect(await load.judge(client, await load.cutIn(client, span))).toEqual([])
  const names = await keysOf('strong')
  const seen = await Promise.all(
    cluster.nodes.map(async ({ clientUrl }) => {
      await using one = createClient({ endpoints: [clientUrl], timeoutMs: CALL_TIMEOUT_MS })
      const values: unknown[] = []
      for (const key of names) values.push((await one.strong('strong').get(key)).value)
      return values
    }),
  )
  for (const values of seen) expect(values).toEqual(seen[0])
}

test(`a backup under load has every write that was acknowledged before it, after ${SECONDS} s`, async () => {
  await client.createBucket(COUNTERS, { mode: 'counter' })
  await client.createBucket(SETS, { mode: 'set' })
  load = new RecordedLoad(client)
  await load.fill(FILL_KEYS, FILL_COUNTERS)
  load.start()
  await sleep(SECONDS * 500)
  // Then some outcomes are unknown, and some copies are only in hints.
  await cluster.control.kill('n4', DEAD_MS)
  await sleep(SECONDS * 500)
  const acknowledged = load.acknowledged
  const beganMs = Date.now()
  const made = await report('backup', file)
  span = { beganMs, endedMs: Date.now() }
  keys = made['keys'] as number
  const during = load.acknowledged - acknowledged
  await load.stop()
  console.log(
    `${acknowledged} writes acknowledged before the backup, ${during} during its ${span.endedMs - beganMs} ms`,
    Object.fromEntries(load.counts),
    made,
  )
  expect(acknowledged).toBeGreaterThan(1000)
  expect(during).toBeGreaterThan(10)
  expect(made['keysAfterCut']).toBe(0)
})

test('a damaged file is refused by a new cluster before anything is written', async () => {
  await destroy()
  await start()
  const whole = await readFile(file)
  const altered = Uint8Array.from(whole)
  const middle = whole.length >> 1
  altered[middle] = (altered[middle] as number) ^ 1
  const damaged = { 'was cut off': whole.subarray(0, -1), 'was altered': altered }
  for (const [why, content] of Object.entries(damaged)) {
    const path = join(root, 'damaged.backup')
    await writeFile(path, content)
    for (const words of [
      ['backup', '--verify', path],
      ['restore', path],
    ]) {
      const ended = await run(...words)
      expect(ended).toMatchObject({ code: 1, complained: expect.stringContaining(why) })
    }
  }
  expect(await client.bucketInfo(COUNTERS)).toBeUndefined()
  for (const bucket of ['default', 'latest', 'strong']) expect(await keysOf(bucket)).toEqual([])
})

test('a restore that is killed midway is continued, and brings every write back', async () => {
  for (const bucket of ['latest', COUNTERS]) {
    const { child, ended } = begin('restore', file)
    await expect
      .poll(async () => (await client.bucketInfo(bucket)) && keysOf(bucket), WAIT)
      .toContainEqual(expect.any(String))
    child.kill('SIGKILL')
    const { code } = await ended
    console.log(`the restore was killed after ${(await keysOf(bucket)).length} keys of ${bucket}`)
    expect(code).toBeNull()
  }
  // The judge finds what is missing.
  expect(await load.judge(client, span)).toContainEqual(expect.stringMatching(/is lost|not 1 to 1/))
  const startMs = performance.now()
  const restored = await report('restore', file)
  console.log(`the rest took ${Math.round(performance.now() - startMs)} ms`, restored)
  expect(restored['written']).toBeGreaterThan(0)
  expect(restored['same']).toBeGreaterThan(0)
  expect(restored).toMatchObject({ replaced: 0, kept: 0, impossible: [] })
  await expectRestored()
  expect(await report('restore', file)).toMatchObject({ ...ALL_SAME, same: keys })
})

test('a directory of the lost cluster is refused by the restored one', async () => {
  const [n1, , n3] = cluster.nodes
  if (n1 === undefined || n3 === undefined) throw new Error('there are five nodes')
  await cluster.control.kill(n3.id, FOR_GOOD_MS)
  await rename(n3.dataDir, join(root, 'new-n3'))
  await cp(join(root, 'old-n3'), n3.dataDir, { recursive: true })
  await cluster.control.restart(n3.id)
  for (const { clientUrl } of [n1, n3]) {
    const verdict = async (): Promise<string> => (await fetch(`${clientUrl}/v1/cluster`)).text()
    await expect.poll(verdict, WAIT).toMatch(/another cluster/)
  }
  const put = await fetch(`${n3.clientUrl}/v1/kv/latest/register-k-1`, { method: 'PUT', body: 'x' })
  expect(put.status).toBe(503)
  await expectRestoredWithout(n3.id)
  await cluster.control.kill(n3.id, FOR_GOOD_MS)
  await rm(n3.dataDir, { recursive: true })
  await rename(join(root, 'new-n3'), n3.dataDir)
  await cluster.control.restart(n3.id)
  await expectRestored()
})

async function expectRestoredWithout(id: string): Promise<void> {
  const others = cluster.nodes.filter((node) => node.id !== id).map(({ clientUrl }) => clientUrl)
  await using one = createClient({ endpoints: others, timeoutMs: CALL_TIMEOUT_MS })
  expect(await load.judge(one, span)).toEqual([])
}

test('a living cluster keeps its newer values, or gives them up if that is asked for', async () => {
  const changed = ['fill-1', 'fill-2', 'fill-3']
  for (const key of changed) await client.bucket('latest').put(key, 'newer')
  const entries = client.strong('strong', { format: json<StrongValue>() })
  await client.counters(COUNTERS).increment('fill-1', 5)
  await entries.put('k-1', { n: 0, text: 'newer' })
  await client.bucket('latest').put('unknown to the backup', 'newer')
  await client.bucket('latest').delete('fill-4')
  const kept = await report('restore', file)
  expect(kept).toMatchObject({ ...ALL_SAME, written: 1, kept: 5, same: keys - 6 })
  const wrongs = await load.judge(client, span)
  expect(new Set(wrongs.map((wrong) => wrong.slice(0, wrong.indexOf(':'))))).toEqual(
    new Set([...changed.map((key) => `latest/${key}`), `${COUNTERS}/fill-1`, 'strong/k-1']),
  )
  const replaced = await report('restore', file, '--overwrite')
  expect(replaced).toMatchObject({ ...ALL_SAME, replaced: 5, same: keys - 5 })
  expect((await client.bucket('latest').get('unknown to the backup')).value()).toBe('newer')
  await expectRestored()
})
