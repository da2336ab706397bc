/** A backup over HTTP is the file that the reader of backups takes, and a backup that fails is never taken for one. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BackupReader } from '../../../src/core/backup/backup-reader.ts'
import { startCluster, type TestAnswer, type TestCluster } from '../test-cluster.ts'

const KEYS = 40
/** A backup of these is larger than what a connection buffers. */
const LARGE = Buffer.alloc(900_000, 'x')
const LARGE_KEYS = 24

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3)
  const put = async (path: string, body: Buffer | string): Promise<void> => {
    expect((await cluster.request(0, `/v1/kv/${path}`, { method: 'PUT', body })).status).toBe(204)
  }
  for (let i = 0; i < KEYS; i++) await put(`default/k${i}?consistency=eventual`, `value ${i}`)
  await put('strong/k', 'agreed')
  const made = await cluster.request(0, '/v1/buckets/large', {
    method: 'PUT',
    body: '{"mode":"lww"}',
  })
  expect(made.status).toBe(201)
  for (let i = 0; i < LARGE_KEYS; i++) await put(`large/k${i}`, LARGE)
})

afterAll(() => cluster.stop())

function read({ status, headers, body }: TestAnswer) {
  expect([status, headers['content-type']]).toEqual([200, 'application/octet-stream'])
  const reader = new BackupReader()
  const entries = reader.push(body)
  return { ...reader.finish(), entries, header: reader.header }
}

test('backup: streams every key of all buckets', async () => {
  const backup = read(await cluster.request(1, '/v1/backup'))
  expect(backup.header).toMatchObject({ node: 'n2', covers: 'all' })
  expect(backup.header?.buckets.map(({ name }) => name)).toEqual([
    'default',
    'large',
    'latest',
    'strong',
  ])
  expect(backup.totals).toMatchObject({ keys: KEYS + LARGE_KEYS + 1, keysAfterCut: 0 })
})

test('backup: has the chosen buckets alone', async () => {
  const { header, entries } = read(
    await cluster.request(2, '/v1/backup?bucket=strong,latest&covers=quorum'),
  )
  expect(header).toMatchObject({
    covers: 'quorum',
    buckets: [{ name: 'latest' }, { name: 'strong' }],
  })
  expect(entries.map(({ bucket, key }) => [bucket, key])).toEqual([[1, 'k']])
})

test.each([
  ['bucket=nonsense', 404, 'bucket_unknown'],
  ['bucket=default,', 400, 'bad_bucket'],
  ['bucket=default&bucket=strong', 400, 'bad_parameter'],
  ['at=9999999999', 504, 'deadline_passed'],
  ['covers=some', 400, 'bad_parameter'],
  ['timeout=1', 504, 'deadline_passed'],
])('backup: %s is refused', async (query, status, code) => {
  const answer = await cluster.request(0, `/v1/backup?${query}`)
  expect([answer.status, (JSON.parse(answer.text) as { code: string }).code]).toEqual([
    status,
    code,
  ])
})

test('backup: a slow reader gets the whole file, and others are served meanwhile', async () => {
  const { clientPort } = cluster.nodes[0] as { clientPort: number }
  const socket = connect(clientPort, '127.0.0.1')
  socket.write(
    'GET /v1/backup?bucket=large&covers=quorum HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  )
  await new Promise((resolve) => socket.once('readable', resolve))
  // The reader takes nothing now, so the node cannot have read all keys.
  const other = await cluster.request(0, '/v1/kv/strong/k')
  expect(other.text).toBe('agreed')
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  const answer = Buffer.concat(pieces)
  const reader = new BackupReader()
  reader.push(unchunked(answer.subarray(answer.indexOf('\r\n\r\n') + 4)))
  expect(reader.finish().totals).toMatchObject({
    keys: LARGE_KEYS,
    valueBytes: LARGE_KEYS * LARGE.length,
  })
})

test('backup: ends without an end mark if keys cannot be read any more', async () => {
  const { clientPort } = cluster.nodes[0] as { clientPort: number }
  const socket = connect(clientPort, '127.0.0.1')
  socket.write(
    'GET /v1/backup?bucket=large&covers=quorum HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  )
  await new Promise((resolve) => socket.once('readable', resolve))
  for (const node of [1, 2]) await cluster.nodes[node]?.stop()
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  const answer = Buffer.concat(pieces)
  const reader = new BackupReader()
  const readAll = (): void => {
    reader.push(unchunked(answer.subarray(answer.indexOf('\r\n\r\n') + 4)))
    reader.finish()
  }
  expect(readAll).toThrow('the node could not finish it')
  expect(answer.subarray(-5).toString()).not.toBe('0\r\n\r\n')
  for (const node of [1, 2]) await cluster.restart(node)
})

/** The body of an answer with `Transfer-Encoding: chunked`. */
function unchunked(body: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return Buffer.concat(pieces)
}
