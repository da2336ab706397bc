/**
 * Requests on one connection take effect in the order in which they were sent, also where a client sends
 * them without waiting for the answers.
 */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'

/** Without the order, nearly every sequence goes wrong. */
const SEQUENCES = 40
const CONNECTIONS = 20

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(3, { QUORATE_REQUEST_TIMEOUT_MS: '20000' })
  for (const mode of ['counter', 'set']) {
    const body = JSON.stringify({ mode })
    await cluster.request(0, `/v1/buckets/${mode}s`, { method: 'PUT', body })
  }
})

afterAll(() => cluster.stop())

interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends all requests in one go on a new connection; resolves with their answers, in order. */
async function pipeline(node: number, requests: readonly string[]): Promise<Answer[]> {
  const socket = connect(cluster.nodes[node]?.clientPort as number, '127.0.0.1')
  const answers = readAnswers(socket, requests.length)
  socket.write(requests.join(''))
  try {
    return await answers
  } finally {
    socket.destroy()
  }
}

function readAnswers(socket: Socket, count: number): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = []
    let text = ''
    const onData = (data: Buffer): void => {
      text += data.toString('latin1')
      for (;;) {
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = text.slice(0, end)
        const bytes = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
        if (text.length < end + 4 + bytes) return
        const status = Number(head.slice(9, 12))
        answers.push({ status, head, body: text.slice(end + 4, end + 4 + bytes) })
        text = text.slice(end + 4 + bytes)
        if (answers.length === count) resolve(answers)
      }
    }
    socket.on('data', onData)
    socket.on('error', reject)
    socket.on('close', () => resolve(answers))
  })
}

function request(method: string, path: string, body?: string): string {
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: x\r\n${length}\r\n${body ?? ''}`
}

/** Runs `judge` for every sequence, some at a time; counts those for which it says no. */
async function wrongOf(judge: (n: number) => Promise<boolean>): Promise<number> {
  let next = 0
  let wrong = 0
  const worker = async (): Promise<void> => {
    for (let n = next++; n < SEQUENCES; n = next++) if (!(await judge(n))) wrong++
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
  return wrong
}

test.each(['default', 'latest', 'strong'])(
  'pipelining: a read after three writes sees the last of them alone: %s',
  async (bucket) => {
    const wrong = await wrongOf(async (n) => {
      const path = `/v1/kv/${bucket}/writes-${n}`
      const writes = [0, 1, 2].map((i) => request('PUT', path, String(i)))
      const answers = await pipeline(n % 3, [...writes, request('GET', path)])
      return answers.at(-1)?.status === 200 && answers.at(-1)?.body === '2'
    })
    expect(wrong).toBe(0)
  },
)

test.each(['default', 'latest', 'strong'])(
  'pipelining: a delete after a write deletes it: %s',
  async (bucket) => {
    const wrong = await wrongOf(async (n) => {
      const path = `/v1/kv/${bucket}/deletes-${n}`
      const sent = [request('PUT', path, 'x'), request('DELETE', path), request('GET', path)]
      const answers = await pipeline(n % 3, sent)
      const { status: later } = await cluster.request(n % 3, path)
      return [...answers.map(({ status }) => status), later].join() === '204,204,404,404'
    })
    expect(wrong).toBe(0)
  },
)

test('pipelining: a read between two updates of a counter sees the first', async () => {
  const wrong = await wrongOf(async (n) => {
    const path = `/v1/kv/counters/c-${n}`
    const update = request('POST', path, '{"increment":1}')
    const read = request('GET', path)
    const answers = await pipeline(n % 3, [
      update,
      read,
      update,
      read,
      request('DELETE', path),
      read,
    ])
    return (
      answers[1]?.body === '{"value":1}\n' &&
      answers[3]?.body === '{"value":2}\n' &&
      answers[5]?.status === 404
    )
  })
  expect(wrong).toBe(0)
})

test('pipelining: an element of a set that is removed after it was added is gone', async () => {
  const wrong = await wrongOf(async (n) => {
    const path = `/v1/kv/sets/s-${n}`
    const answers = await pipeline(n % 3, [
      request('POST', path, '{"add":["a","b"]}'),
      request('POST', path, '{"remove":["a"]}'),
      request('GET', path),
    ])
    return answers.at(-1)?.body === '{"value":["b"]}\n'
  })
  expect(wrong).toBe(0)
})

test('pipelining: a bucket is there for the requests after the one that creates it', async () => {
  const answers = await pipeline(1, [
    request('PUT', '/v1/buckets/made', '{"mode":"lww"}'),
    request('PUT', '/v1/kv/made/k', 'x'),
    request('GET', '/v1/kv/made/k'),
  ])
  expect(answers.map(({ status }) => status)).toEqual([201, 204, 200])
})

test('pipelining: what is not HTTP is not answered in the place of the write before it', async () => {
  const write = request('PUT', '/v1/kv/default/before-garbage', 'x')
  const answers = await pipeline(0, [write, 'GARBAGE\r\n\r\n'])
  expect(answers.map(({ status }) => status)).toEqual([204, 400])
})

test('pipelining: more requests than a connection may have waiting are all answered, in order', async () => {
  const path = '/v1/kv/counters/many?consistency=eventual&timeout=60000'
  const update = request('POST', path, '{"increment":1}')
  const many = Array.from({ length: 200 }, () => [update, request('GET', path)]).flat()
  const answers = await pipeline(0, many)
  const reads = answers.filter((_, i) => i % 2 === 1).map(({ body }) => body)
  expect(reads).toEqual(reads.map((_, i) => `{"value":${i + 1}}\n`))
  expect(answers.length).toBe(many.length)
})
