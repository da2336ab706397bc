/** Many or slow uploads and fat answers take a bounded amount of memory, and small requests go on beside them. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

const MIB = 1_048_576
/** Of uploads that are under way. */
const ROOM_MIB = 128

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1)
})

afterAll(() => cluster.stop())

interface Upload {
  readonly socket: Socket
  /** The status line of the answer. */
  readonly answered: Promise<string>
}

function upload(n: number, headers: string, body = ''): Upload {
  const socket = connect(cluster.nodes[0]?.clientPort as number, '127.0.0.1')
  const answered = once(socket, 'data').then(([data]) => String(data))
  answered.catch(() => undefined)
  socket.on('error', () => undefined)
  socket.write(`PUT /v1/kv/default/slow-${n} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`)
  return { socket, answered }
}

const WHOLE = `Content-Length: ${MIB}\r\n`

async function smallRequestsGoOn(): Promise<void> {
  const put = await cluster.request(0, '/v1/kv/default/small', { method: 'PUT', body: 'x' })
  const get = await cluster.request(0, '/v1/kv/default/small')
  expect([put.status, get.status, get.text]).toEqual([204, 200, 'x'])
}

test('large bodies: uploads beyond the room there is are refused before they are read', async () => {
  const stalled = Array.from({ length: ROOM_MIB }, (_, n) =>
    upload(n, `${WHOLE}Expect: 100-continue\r\n`),
  )
  for (const { answered } of stalled) expect(await answered).toMatch(/^HTTP\/1\.1 100 /)

  const refused = [
    upload(200, WHOLE, 'x'.repeat(MIB)),
    upload(201, `${WHOLE}Expect: 100-continue\r\n`),
    upload(202, 'Transfer-Encoding: chunked\r\n', `${MIB.toString(16)}\r\n${'x'.repeat(MIB)}\r\n`),
  ]
  for (const { answered } of refused) {
    const answer = await answered
    expect(answer).toMatch(/^HTTP\/1\.1 503 /)
    expect(answer).toContain('Retry-After: 1')
    expect(answer).toContain('"code":"overloaded","outcome":"rejected"')
  }
  await smallRequestsGoOn()

  const closed = stalled.map(({ socket }) => once(socket, 'close'))
  for (const { socket } of [...stalled, ...refused]) socket.destroy()
  await Promise.all(closed)
  const body = Buffer.alloc(MIB, 'y')
  const put = async (): Promise<number> =>
    (await cluster.request(0, '/v1/kv/default/after', { method: 'PUT', body })).status
  // The node hears of the ends one after the other.
  while ((await put()) === 503);
  expect(await put()).toBe(204)
})

test('large bodies: a body larger than a value may be is told so, however large', async () => {
  const { answered, socket } = upload(300, `Content-Length: ${(ROOM_MIB + 1) * MIB}\r\n`)
  expect(await answered).toMatch(/^HTTP\/1\.1 413 /)
  socket.destroy()
})

test('large bodies: siblings of several megabytes come piece by piece, and whole', async () => {
  const path = '/v1/kv/default/fat'
  const values = [
    Buffer.from('ä€😀"\\\n\u0000'.repeat(70_000)),
    Buffer.alloc(MIB, Uint8Array.from([0xff, 0, 1, 2, 3])),
    Buffer.alloc(MIB - 1, 'plain'),
    Buffer.from('\uFEFF'),
    Buffer.alloc(0),
  ]
  const { headers } = await cluster.request(0, path, { method: 'PUT', body: values[0] as Buffer })
  const old = { 'quorate-context': String(headers['quorate-context']) }
  for (const body of values) await cluster.request(0, path, { method: 'PUT', body, headers: old })
  const list = await cluster.request(0, path)
  expect([list.status, list.headers['quorate-siblings']]).toEqual([300, String(values.length)])
  const { siblings } = JSON.parse(list.text) as {
    siblings: { id: string; size: number; value?: string; valueBase64?: string }[]
  }
  const told = siblings.map(({ value, valueBase64 }) =>
    value === undefined ? Buffer.from(valueBase64 ?? '', 'base64') : Buffer.from(value),
  )
  const bySize = (a: Buffer, b: Buffer): number => a.length - b.length
  expect(Buffer.concat(told.toSorted(bySize)).equals(Buffer.concat(values.toSorted(bySize)))).toBe(
    true,
  )
  const head = await cluster.request(0, path, { method: 'HEAD' })
  expect([head.status, head.headers['etag'], head.text]).toEqual([300, list.headers['etag'], ''])

  const parts = await cluster.request(0, path, { headers: { accept: 'multipart/mixed' } })
  const boundary = /boundary=(\S+)/.exec(parts.headers['content-type'] ?? '')?.[1] ?? ''
  const bodies = parts.body.toString('latin1').split(`--${boundary}`).slice(1, -1)
  const sent = bodies.map((part) =>
    Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4, -2), 'latin1'),
  )
  expect(Buffer.concat(sent.toSorted(bySize)).equals(Buffer.concat(values.toSorted(bySize)))).toBe(
    true,
  )
  await smallRequestsGoOn()
})
