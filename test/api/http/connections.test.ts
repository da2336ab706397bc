/** Connections that are too slow, too many, or ended because the server stops: each is told, and nothing is applied. */
import Fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ByteBudget } from '../../../src/api/http/byte-budget.ts'
import { answerClientError } from '../../../src/api/http/client-error.ts'
import { Connections } from '../../../src/api/http/connections.ts'
import { createHttpServer } from '../../../src/api/http/http-server.ts'
import { RequestOrder } from '../../../src/api/http/request-order.ts'
import { acceptAnyBody, bodyOf } from '../../../src/api/http/value-body.ts'
import { systemClock } from '../../../src/adapters/system/system-clock.ts'
import { ERRORS, type ErrorCode } from '../../../src/core/errors.ts'

const ARRIVAL = { headersMs: 200, wholeMs: 400, lookMs: 20 }
const CONNECTIONS_MAX = 4
const HEAD = 'PUT / HTTP/1.1\r\nHost: x\r\n'

let app: FastifyInstance
let connections: Connections
let port: number
/** The bodies of the requests that were applied. */
let applied: string[]
/** What each request under way waits for. */
let held: Promise<unknown>
const sockets: Socket[] = []

beforeEach(async () => {
  applied = []
  held = Promise.resolve()
  connections = new Connections(() => 'id')
  const uploads = new ByteBudget(1_048_576)
  const limits = { headerBytesMax: 16_384, arrival: ARRIVAL }
  app = Fastify({
    serverFactory: (handler) =>
      createHttpServer(handler, {
        ...limits,
        keepAliveTimeoutMs: 60_000,
        connections,
        connectionsMax: CONNECTIONS_MAX,
        order: new RequestOrder(systemClock),
        uploads,
        bodyBytesMax: 1_048_576,
        requestId: () => 'id',
        refusalOf: () => undefined,
        onRefused: () => undefined,
      }),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, limits, 'id'),
  })
  acceptAnyBody(app, uploads)
  app.put('/', async (request) => {
    await held
    applied.push(String(bodyOf(request)))
    return 'done'
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await app.close()
})

async function open(): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(socket)
  socket.on('error', () => undefined)
  const accepted = once(app.server, 'connection')
  await Promise.all([once(socket, 'connect'), accepted])
  return socket
}

/** Everything that comes until the server ends the connection. */
async function read(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (data) => (text += String(data)))
  await once(socket, 'end')
  return text
}

function expectProblem(answer: string, code: ErrorCode): void {
  const { status } = ERRORS[code]
  expect(answer).toMatch(
    new RegExp(`^HTTP/1\\.1 ${status} .*\r\nContent-Type: application/problem`),
  )
  expect(answer).toContain('\r\nConnection: close\r\n')
  expect(answer).toContain(`"code":"${code}","outcome":"rejected","retryable":true`)
}

test.each([
  ['sends nothing', ''],
  ['sends no whole head', HEAD],
  ['sends its head byte by byte', 'PUT / HTTP/1.1\r\nX: '],
])('a client that %s is told after a while, and its connection ends', async (_, bytes) => {
  const socket = await open()
  socket.write(bytes)
  const drip = setInterval(() => socket.write('x'), 30)
  if (!bytes.endsWith(': ')) clearInterval(drip)
  expectProblem(await read(socket), 'request_timeout')
  clearInterval(drip)
  expect(applied).toEqual([])
})

test('the rest of a body that came too late is not applied', async () => {
  const socket = await open()
  socket.write(`${HEAD}Content-Length: 2\r\n\r\na`)
  expectProblem(await read(socket), 'request_timeout')
  // The server still reads, so that its answer is not lost.
  const isClosed = once(socket, 'close')
  socket.write('b')
  socket.write(`${HEAD}Content-Length: 1\r\n\r\nc`)
  socket.end()
  await isClosed
  await expect.poll(() => connections.count).toBe(0)
  expect(applied).toEqual([])
})

test('a connection too many is told so, and the others are served', async () => {
  const first = await open()
  while (connections.count < CONNECTIONS_MAX) await open()
  const answer = await read(await open())
  expectProblem(answer, 'overloaded')
  expect(answer).toContain('\r\nRetry-After: 1\r\n')
  first.write(`${HEAD}Connection: close\r\nContent-Length: 1\r\n\r\na`)
  expect(await read(first)).toMatch(/^HTTP\/1\.1 200 /)
})

test('an idle connection gets an answer, and a request on its way is dropped', async () => {
  const idle = await open()
  const sending = await open()
  sending.write(`${HEAD}Content-Length: 1\r\n\r\na`)
  // The bytes are in the kernel, and the server has not read them yet.
  connections.endIdle()
  for (const socket of [idle, sending]) expectProblem(await read(socket), 'request_timeout')
  await expect.poll(() => connections.count).toBe(0)
  expect(applied).toEqual([])
})

test('a request under way is answered, and its connection ends with the answer', async () => {
  const release = Promise.withResolvers<undefined>()
  held = release.promise
  const socket = await open()
  const begun = once(app.server, 'request')
  socket.write(`${HEAD}Content-Length: 1\r\n\r\na`)
  await begun
  connections.drain()
  connections.endIdle()
  expect(connections.busyCount).toBe(1)
  release.resolve(undefined)
  const answer = await read(socket)
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n')
  expect(applied).toEqual(['a'])
})

test('of several requests on one connection the last one ends it', async () => {
  const release = Promise.withResolvers<undefined>()
  held = release.promise
  const socket = await open()
  const begun = once(app.server, 'request')
  socket.write(`${HEAD}Content-Length: 1\r\n\r\na`)
  await begun
  connections.drain()
  const second = once(app.server, 'request')
  socket.write(`${HEAD}Content-Length: 1\r\n\r\nb`)
  await second
  release.resolve(undefined)
  const answer = await read(socket)
  expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
  expect(answer.toLowerCase().match(/\r\nconnection: close\r\n/g)).toHaveLength(1)
  expect(applied).toEqual(['a', 'b'])
})
