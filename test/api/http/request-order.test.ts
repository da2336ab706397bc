/** Which requests of a connection run when, under a handler that answers when the test says so. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ByteBudget } from '../../../src/api/http/byte-budget.ts'
import { Connections } from '../../../src/api/http/connections.ts'
import { createHttpServer } from '../../../src/api/http/http-server.ts'
import { RequestOrder, waitedMs } from '../../../src/api/http/request-order.ts'
import { writeAnswer } from '../../../src/api/http/respond.ts'

const open: (Server | Socket)[] = []

afterEach(() => {
  for (const one of open.splice(0)) {
    if ('listen' in one) one.close()
    else one.destroy()
  }
})

interface Begun {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

interface TestServer {
  readonly port: number
  /** The requests that have begun, in the order in which they did. */
  readonly begun: readonly Begun[]
  readonly clock: { nowMs: number }
  /** Resolves once that many have begun. */
  whenBegun(count: number): Promise<void>
}

async function startServer(): Promise<TestServer> {
  const begun: Begun[] = []
  const clock = { nowMs: 0 }
  let wake = (): void => undefined
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume()
    begun.push({ request, response })
    wake()
  }
  const server = createHttpServer(handler, {
    headerBytesMax: 16_384,
    arrival: { headersMs: 60_000, wholeMs: 60_000, lookMs: 30_000 },
    keepAliveTimeoutMs: 5000,
    connections: new Connections(() => 'id'),
    connectionsMax: 100,
    order: new RequestOrder({ wallMs: () => 0, monotonicMs: () => clock.nowMs }),
    uploads: new ByteBudget(0),
    bodyBytesMax: 0,
    requestId: () => 'id',
    refusalOf: () => undefined,
    onRefused: () => undefined,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  return {
    port: (server.address() as AddressInfo).port,
    begun,
    clock,
    whenBegun: async (count) => {
      while (begun.length < count) await new Promise<void>((resolve) => (wake = resolve))
    },
  }
}

function send(port: number, requests: readonly string[]): Socket {
  const socket = connect(port, '127.0.0.1')
  open.push(socket)
  socket.write(requests.map((line) => `${line} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  return socket
}

/** Lets the server do all that it can do now: one more request on another connection has begun. */
async function settle(server: TestServer): Promise<void> {
  const count = server.begun.length
  send(server.port, ['GET /settled'])
  await server.whenBegun(count + 1)
}

const paths = ({ begun }: TestServer): (string | undefined)[] =>
  begun.map(({ request }) => request.url).filter((url) => url !== '/settled')

test('request order: safe requests run together, an unsafe one alone', async () => {
  const server = await startServer()
  send(server.port, ['GET /1', 'HEAD /2', 'PUT /3', 'DELETE /4', 'GET /5', 'OPTIONS /6'])
  await server.whenBegun(2)
  await settle(server)
  expect(paths(server)).toEqual(['/1', '/2'])
  server.begun[1]?.response.end()
  await settle(server)
  expect(paths(server)).toEqual(['/1', '/2'])
  server.begun[0]?.response.end()
  await server.whenBegun(5)
  await settle(server)
  expect(paths(server)).toEqual(['/1', '/2', '/3'])
  server.begun.find(({ request }) => request.url === '/3')?.response.end()
  await server.whenBegun(7)
  await settle(server)
  expect(paths(server)).toEqual(['/1', '/2', '/3', '/4'])
  server.begun.find(({ request }) => request.url === '/4')?.response.end()
  await server.whenBegun(10)
  expect(paths(server)).toEqual(['/1', '/2', '/3', '/4', '/5', '/6'])
})

test('request order: connections do not wait for each other', async () => {
  const server = await startServer()
  send(server.port, ['PUT /1', 'PUT /2'])
  send(server.port, ['PUT /3', 'PUT /4'])
  await server.whenBegun(2)
  await settle(server)
  expect(paths(server).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['/1', '/3'])
})

test('request order: a request that waits when its client goes never begins', async () => {
  const server = await startServer()
  const client = send(server.port, ['PUT /1', 'PUT /2'])
  await server.whenBegun(1)
  const closed = once(server.begun[0]?.response as ServerResponse, 'close')
  client.destroy()
  await closed
  server.begun[0]?.response.end()
  await settle(server)
  expect(paths(server)).toEqual(['/1'])
})

test('request order: a request knows how long it has waited', async () => {
  const server = await startServer()
  send(server.port, ['PUT /1', 'PUT /2'])
  await server.whenBegun(1)
  await settle(server)
  server.clock.nowMs = 700
  server.begun[0]?.response.end()
  await server.whenBegun(3)
  expect(server.begun.map(({ request }) => waitedMs(request))).toEqual([0, 0, 700])
})

test('request order: a connection is not read any further while long heads wait', async () => {
  const server = await startServer()
  const long = `GET /${'x'.repeat(1000)} HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(14_000)}\r\n\r\n`
  const client = send(server.port, ['PUT /'])
  client.write(long.repeat(40))
  await server.whenBegun(1)
  const [{ request }] = server.begun as [Begun]
  const { socket } = request
  await expect.poll(() => socket.isPaused(), { timeout: 45_000, interval: 10 }).toBe(true)
})

test('request order: the bound on a reader that takes nothing ends with its answer', async () => {
  const server = await startServer()
  const client = send(server.port, ['GET /1', 'GET /2'])
  client.resume()
  await server.whenBegun(2)
  const [first, second] = server.begun as [Begun, Begun]
  const { socket } = second.request
  const answered = once(first.response, 'close')
  writeAnswer(first.response, 'id', 200, [], Buffer.alloc(100_000))
  expect(socket.timeout).toBeGreaterThan(0)
  await answered
  expect(socket.timeout).toBe(0)
})

test('request order: what waits is bounded, and refused beyond', async () => {
  const server = await startServer()
  const many = ['PUT /', ...Array.from({ length: 900 }, () => 'GET /')]
  const answered = new Promise<string>((resolve) => {
    for (let i = 0; i < 12; i++) {
      const client = send(server.port, many)
      let text = ''
      client.on('data', (data) => {
        text += data.toString()
        if (text.includes('"code":"overloaded"')) resolve(text)
      })
    }
  })
  await server.whenBegun(12)
  await settle(server)
  const first = server.begun.slice(0, 12)
  for (const { response } of first) response.end()
  for (let next = 12; ; next++) {
    await server.whenBegun(next + 1)
    server.begun[next]?.response.end()
    if (await Promise.race([answered, new Promise((resolve) => setImmediate(resolve))])) break
  }
  const text = await answered
  expect(text).toContain('HTTP/1.1 503 Service Unavailable')
  expect(text).toContain('Retry-After: 1')
})
