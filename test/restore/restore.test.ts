/** A backup of one cluster, restored into another: everything is there, nothing newer is lost, and a repeat is harmless. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bytes, createClient, type Quorate, UnknownOutcomeError } from '../../src/client/quorate.ts'
import type { BackupEntry } from '../../src/core/backup/backup-parts.ts'
import type { Bucket } from '../../src/core/placement/topology.ts'
import { BackupRefused } from '../../src/core/backup/backup-refused.ts'
import { BucketMismatch, restore, type RestoreReport } from '../../src/restore/restore.ts'
import { verifyBackup } from '../../src/restore/verify-backup.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { olderBackup } from '../core/backup/older-backup.ts'
import { problem } from '../client/virtual-world.ts'

let from: TestCluster
let to: TestCluster
let client: Quorate
let file: Uint8Array

beforeAll(async () => {
  ;[from, to] = await Promise.all([startCluster(3), startCluster(1)])
  const source = clientOf(from)
  client = clientOf(to)
  for (const [name, mode] of [
    ['visits', 'counter'],
    ['tags', 'set'],
    ['empty', 'lww'],
  ] as const) {
    await source.createBucket(name, { mode, n: 1 })
  }
  const raw = source.bucket('default', { format: bytes })
  await raw.put('both', new Uint8Array([1]), { context: 'none' })
  await raw.put('both', new Uint8Array([0xff, 0]), { context: 'none' })
  for (let i = 0; i < 50; i++) await raw.put(`k/${i}`, new Uint8Array([i]))
  await raw.put('deleted', new Uint8Array([1]))
  await raw.delete('deleted')
  await source.bucket('latest').put('expires', 'soon', { ttlSeconds: 3600 })
  await source.strong('strong').put('k', 'agreed')
  await source.counters('visits').increment('k', -12)
  await source.sets('tags').add('k', ['red', 'blue', 'ü'])
  const answer = await from.request(0, '/v1/backup')
  expect(answer.status).toBe(200)
  file = answer.body
  await source.close()
})

afterAll(async () => {
  await client.close()
  await Promise.all([from.stop(), to.stop()])
})

function clientOf({ nodes }: TestCluster): Quorate {
  const endpoints = nodes.map(({ clientPort }) => `http://127.0.0.1:${clientPort}`)
  return createClient({ endpoints, timeoutMs: 30_000 })
}

async function* inPieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 100) yield content.subarray(at, at + 100)
}

function run(
  content = file,
  options: { isDry?: boolean; overwrite?: boolean } = {},
): Promise<RestoreReport> {
  const { isDry = false, overwrite = false } = options
  return restore({ client, open: () => inPieces(content), isDry, overwrite, nowMs: Date.now })
}

const NONE = { written: 0, replaced: 0, same: 0, kept: 0, expired: 0, impossible: [] }
const KEYS = 55

test('restore: a file that is not whole writes nothing', async () => {
  const altered = Uint8Array.from(file)
  altered[altered.length - 30] = (altered[altered.length - 30] as number) ^ 1
  await expect(run(file.subarray(0, -1))).rejects.toThrow(BackupRefused)
  await expect(run(altered)).rejects.toThrow(BackupRefused)
  expect(await client.bucketInfo('visits')).toBeUndefined()
  expect((await client.bucket('default').get('k/1')).siblings).toEqual([])
})

test('restore: a dry run tells what would be written, and writes nothing', async () => {
  expect(await run(file, { isDry: true })).toEqual({ ...NONE, written: KEYS })
  expect(await client.bucketInfo('visits')).toBeUndefined()
})

test('restore: everything of the backup is in the other cluster', async () => {
  expect((await verifyBackup(inPieces(file))).totals.keys).toBe(KEYS)
  expect(await run()).toEqual({ ...NONE, written: KEYS })
  const raw = client.bucket('default', { format: bytes })
  const both = await raw.get('both')
  expect(both.siblings.map(({ value }) => value.join(' ')).sort()).toEqual(['1', '255 0'])
  for (let i = 0; i < 50; i++) expect([...((await raw.get(`k/${i}`)).value() ?? [])]).toEqual([i])
  expect((await raw.get('deleted')).siblings).toEqual([])
  expect((await client.bucket('latest').get('expires')).value()).toBe('soon')
  expect((await client.strong('strong').get('k')).value).toBe('agreed')
  expect(await client.counters('visits').get('k')).toBe(-12)
  expect(await client.sets('tags').get('k')).toEqual(new Set(['red', 'blue', 'ü']))
  expect(await client.bucketInfo('empty')).toMatchObject({ mode: 'lww', n: 1 })
})

test('restore: a repeat changes nothing, and writes what an earlier one has not', async () => {
  expect(await run()).toEqual({ ...NONE, same: KEYS })
  await client.bucket('default').delete('k/7')
  await client.bucket('default', { format: bytes }).put('both', new Uint8Array([1]))
  expect(await run()).toEqual({ ...NONE, same: KEYS - 2, written: 2 })
  const both = await client.bucket('default', { format: bytes }).get('both')
  expect(both.siblings.map(({ value }) => value.join(' ')).sort()).toEqual(['1', '255 0'])
})

/** A client whose requests are told to the test. It may answer in the place of the node. */
function watchedClient(
  answer: (path: string, init: RequestInit) => Response | undefined,
  { nodes }: TestCluster = to,
): Quorate {
  return createClient({
    endpoints: [`http://127.0.0.1:${nodes[0]?.clientPort}`],
    fetch: async (url, init) => answer(new URL(url).pathname, init) ?? fetch(url, init),
  })
}

const BATCH = '/v1/batch'

test('restore: many keys share a request', async () => {
  const paths: string[] = []
  const counted = watchedClient((path) => void paths.push(path))
  const options = { open: () => inPieces(file), isDry: false, overwrite: false, nowMs: Date.now }
  await client.bucket('default').delete('k/7')
  expect(await restore({ ...options, client: counted })).toEqual({
    ...NONE,
    same: KEYS - 1,
    written: 1,
  })
  const batches = paths.filter((path) => path === BATCH).length
  expect(batches).toBeLessThan(KEYS / 10)
  expect(paths.filter((path) => path !== BATCH && !path.startsWith('/v1/buckets'))).toEqual([])
  await counted.close()
})

test('restore: the keys of a batch that fails are restored one by one', async () => {
  const alone = watchedClient((path) => (path === BATCH ? problem('overloaded') : undefined))
  const options = { open: () => inPieces(file), isDry: false, overwrite: false, nowMs: Date.now }
  await client.bucket('default').delete('k/7')
  expect(await restore({ ...options, client: alone })).toEqual({
    ...NONE,
    same: KEYS - 1,
    written: 1,
  })
  await alone.close()
})

test('restore: a key that is too large for a batch has requests of its own', async () => {
  const { header } = await verifyBackup(inPieces(file))
  const buckets = header.buckets.filter(({ name }) => name === 'default')
  const entryOf = (key: string, length: number): BackupEntry => {
    const value = Buffer.alloc(length, 7)
    const values = [{ timestamp: 0, expiresAtMs: 0, contentType: 'text/plain', value }]
    return { bucket: 0, key, isAfterCut: false, values }
  }
  const entries = [entryOf('large', 300_000), entryOf('small', 3)]
  const pieces = olderBackup({ ...header, buckets }, entries, [])
  const paths: string[] = []
  const counted = watchedClient((path) => void paths.push(path))
  const open = (): AsyncIterable<Uint8Array> => inPieces(Buffer.concat(pieces))
  const options = { client: counted, open, isDry: false, overwrite: false, nowMs: Date.now }
  expect(await restore(options)).toEqual({ ...NONE, written: 2 })
  expect(await restore(options)).toEqual({ ...NONE, same: 2 })
  // Each run reads; the first one also writes.
  const countOf = (wanted: string): number => paths.filter((path) => path === wanted).length
  expect([countOf(BATCH), countOf('/v1/kv/default/large')]).toEqual([3, 3])
  await counted.close()
})

test('restore: fails if one key fails, however soon', async () => {
  const failing = watchedClient((path) => {
    if (path === BATCH) return problem('bad_parameter')
    return /\/k(%2F|\/)0$/.test(path) ? problem('bucket_unknown') : undefined
  })
  // The pieces come so slowly that the key fails while the restore waits for the next piece.
  async function* open(): AsyncGenerator<Uint8Array> {
    for await (const piece of inPieces(file)) {
      await new Promise(setImmediate)
      yield piece
    }
  }
  const options = { client: failing, open, isDry: false, overwrite: false, nowMs: Date.now }
  await expect(restore(options)).rejects.toMatchObject({ code: 'bucket_unknown' })
  await failing.close()
})

test('restore: newer values stay, unless they shall be overwritten', async () => {
  await client.bucket('default').put('both', 'newer')
  await client.bucket('latest').put('expires', 'newer')
  await client.strong('strong').put('k', 'newer')
  await client.counters('visits').increment('k', 20)
  await client.sets('tags').change('k', { add: ['green'], remove: ['red'] })
  expect(await run()).toEqual({ ...NONE, same: KEYS - 5, kept: 5 })
  expect((await client.bucket('default').get('both')).value()).toBe('newer')
  expect((await client.strong('strong').get('k')).value).toBe('newer')
  expect(await run(file, { overwrite: true, isDry: true })).toEqual({
    ...NONE,
    same: KEYS - 5,
    replaced: 5,
  })
  expect(await run(file, { overwrite: true })).toEqual({ ...NONE, same: KEYS - 5, replaced: 5 })
  expect(await run()).toEqual({ ...NONE, same: KEYS })
  expect(await client.counters('visits').get('k')).toBe(-12)
})

test('restore: a counter that was deleted or changed since is restored again', async () => {
  const counters = client.counters('visits')
  for (let times = 0; times < 3; times++) {
    await counters.delete('k')
    expect(await run()).toEqual({ ...NONE, same: KEYS - 1, written: 1 })
    expect(await counters.get('k')).toBe(-12)
  }
  for (const by of [3, 3]) {
    await counters.increment('k', by)
    expect(await run(file, { overwrite: true })).toEqual({ ...NONE, same: KEYS - 1, replaced: 1 })
    expect(await counters.get('k')).toBe(-12)
  }
})

test('restore: an increment that perhaps only one owner holds is read from all owners', async () => {
  const counters = client.counters('visits')
  await counters.increment('k', 3)
  const asked: string[] = []
  const recorded = createClient({
    endpoints: [`http://127.0.0.1:${to.nodes[0]?.clientPort}`],
    fetch: async (url, init) => {
      // The levels of a batch are in its body.
      if (url.includes(BATCH)) return problem('bad_parameter')
      const answer = await fetch(url, init)
      const level = new URL(url).searchParams.get('consistency')
      if (url.includes('/visits/')) asked.push(`${init.method} ${level} ${answer.status}`)
      return answer
    },
  })
  const options = { open: () => inPieces(file), isDry: false, overwrite: true, nowMs: Date.now }
  expect(await restore({ ...options, client: recorded })).toMatchObject({ replaced: 1 })
  const refused = asked.indexOf('POST quorum 422')
  expect(asked.slice(refused, refused + 2)).toEqual(['POST quorum 422', 'GET all 200'])
  expect(asked.at(-1)).toBe('GET quorum 200')
  expect(await counters.get('k')).toBe(-12)
  await recorded.close()
})

test('restore: an increment that arrives after a repeated restore counts once', async () => {
  const other = await startCluster(1)
  const late: (() => Promise<unknown>)[] = []
  const cut = createClient({
    endpoints: [`http://127.0.0.1:${other.nodes[0]?.clientPort}`],
    retry: false,
    fetch: (url, init) => {
      const isIncrement = url.includes('/visits/') && init.method === 'POST'
      const hasIncrement = url.includes(BATCH) && String(init.body).includes('"op":"update"')
      if (!isIncrement && !hasIncrement) return fetch(url, init)
      const { signal: _, ...unbounded } = init
      late.push(() => fetch(url, unbounded))
      return Promise.reject(new TypeError('fetch failed'))
    },
  })
  const whole = clientOf(other)
  const options = { open: () => inPieces(file), isDry: false, overwrite: false, nowMs: Date.now }
  await expect(restore({ ...options, client: cut })).rejects.toThrow(UnknownOutcomeError)
  expect(late.length).toBeGreaterThan(0)
  expect(await restore({ ...options, client: whole })).toMatchObject({ written: 1 })
  for (const arrive of late) await arrive()
  expect(await whole.counters('visits').get('k')).toBe(-12)
  await Promise.all([cut.close(), whole.close()])
  await other.stop()
})

test('restore: ignores a bucket that was deleted while a file of an older version was made', async () => {
  const { header } = await verifyBackup(inPieces(file))
  const [visits] = header.buckets.filter(({ name }) => name === 'visits')
  const buckets = ['kept', 'lost'].map((name) => ({ ...(visits as Bucket), name, n: 1 }))
  const value = { timestamp: 0, expiresAtMs: 0, contentType: '', value: Buffer.from('7') }
  const entry = { key: 'k', isAfterCut: false, values: [value] }
  const entries = [0, 1].map((bucket) => ({ ...entry, bucket }))
  const pieces = olderBackup({ ...header, buckets }, entries, ['lost'])
  expect(await run(Buffer.concat(pieces))).toEqual({ ...NONE, written: 1 })
  expect(await client.counters('kept').get('k')).toBe(7)
  expect(await client.bucketInfo('lost')).toBeUndefined()
})

test('restore: a bucket of another mode is refused before anything is written', async () => {
  const other = await startCluster(1)
  const others = clientOf(other)
  await others.createBucket('visits', { mode: 'lww', n: 1 })
  const refused = restore({
    client: others,
    open: () => inPieces(file),
    isDry: false,
    overwrite: false,
    nowMs: Date.now,
  })
  await expect(refused).rejects.toThrow(BucketMismatch)
  expect(await others.bucketInfo('tags')).toBeUndefined()
  await others.close()
  await other.stop()
})
