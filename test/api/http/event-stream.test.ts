/** Which reader of a stream loses its connection: real sockets, and timers that only the test runs. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EventStream, type ServerEvent } from '../../../src/api/http/event-stream.ts'
import type { Timer, Timers } from '../../../src/ports/timers.ts'

/** More than the buffers of the kernel hold. */
const LARGE: ServerEvent = { data: { text: 'x'.repeat(16 * 1_048_576) } }
const SMALL: ServerEvent = { data: {} }
const LIMIT_MS = 60_000
const HEARTBEAT_MS = 10_000

interface Waiting {
  readonly delayMs: number
  readonly task: () => void
}

class ManualTimers implements Timers {
  readonly #waiting = new Set<Waiting>()
  readonly #repeated = new Set<Waiting>()

  /** The delays of the timers that run once. */
  get delays(): number[] {
    return [...this.#waiting].map(({ delayMs }) => delayMs)
  }

  get intervals(): number[] {
    return [...this.#repeated].map(({ delayMs }) => delayMs)
  }

  after(delayMs: number, task: () => void): Timer {
    return added(this.#waiting, { delayMs, task })
  }

  every(delayMs: number, task: () => void): Timer {
    return added(this.#repeated, { delayMs, task })
  }

  soon(task: () => void): void {
    setImmediate(task)
  }

  /** All of them are over. */
  pass(): void {
    for (const { task } of [...this.#waiting, ...this.#repeated]) task()
  }
}

function added(waiting: Set<Waiting>, one: Waiting): Timer {
  waiting.add(one)
  return { cancel: () => void waiting.delete(one) }
}

let server: Server
let reader: Socket
let response: ServerResponse
let timers: ManualTimers
let stream: EventStream
let heartbeats: number

/** The reader takes nothing until it is resumed. */
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  reader = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  reader.on('error', () => undefined)
  reader.write('GET / HTTP/1.1\r\nHost: node\r\n\r\n')
  const asked = (await once(server, 'request')) as [unknown, ServerResponse]
  response = asked[1]
  response.writeHead(200)
  timers = new ManualTimers()
  heartbeats = 0
  const heartbeat = (): ServerEvent => {
    heartbeats++
    return SMALL
  }
  stream = new EventStream(response, heartbeat, timers)
})

afterEach(() => {
  reader.destroy()
  server.closeAllConnections()
  server.close()
})

test('a reader that leaves an event for a minute loses its connection', async () => {
  const sent = stream.send([LARGE])
  expect(timers.delays).toEqual([LIMIT_MS])
  const closed = once(response, 'close')
  timers.pass()
  await Promise.all([sent, closed])
  expect(heartbeats).toBe(0)
  expect(stream.isClosed).toBe(true)
  expect([timers.delays, timers.intervals]).toEqual([[], []])
})

test('a reader that takes all in time keeps its connection, and gets heartbeats again', async () => {
  const sent = stream.send([LARGE])
  reader.resume()
  await sent
  expect(timers.delays).toEqual([])
  expect(timers.intervals).toEqual([HEARTBEAT_MS])
  timers.pass()
  expect(heartbeats).toBe(1)
  await stream.send([SMALL])
  expect(stream.isClosed).toBe(false)
})

test('a stream that ends waits no longer than a minute for its reader', async () => {
  const sent = stream.send([LARGE])
  stream.end()
  const closed = once(response, 'close')
  timers.pass()
  await Promise.all([sent, closed])
  expect([timers.delays, timers.intervals]).toEqual([[], []])
})

test('a stream that has ended leaves no timer', async () => {
  const closed = once(response, 'close')
  stream.end()
  reader.resume()
  await closed
  expect([timers.delays, timers.intervals]).toEqual([[], []])
})
