/** A reader that stalls loses its connection, and a slow one does not. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { boundStall, Stall } from '../../../src/api/http/response-end.ts'

describe('the stall of a socket whose timeout looks every 2 s', () => {
  const lastsMs = (...looksMs: readonly number[]): number => {
    const stall = new Stall(2000)
    return looksMs.map((nowMs) => stall.lastsMs(nowMs)).at(-1) ?? 0
  }

  test('has lasted one look when the socket calls back for the first time', () => {
    expect(lastsMs(4000)).toBe(2000)
  })

  test('grows with each look at which no byte had left', () => {
    expect(lastsMs(4000, 6000, 8000)).toBe(6000)
  })

  test('begins again after a look that called nobody back', () => {
    expect(lastsMs(4000, 6000, 10_000)).toBe(2000)
    expect(lastsMs(4000, 6000, 10_000, 12_000)).toBe(4000)
  })

  test('is measured, not counted, on a machine that is late', () => {
    expect(lastsMs(4000, 7000)).toBe(5000)
  })
})

/** More than the buffers of the kernel hold. */
const ANSWER_BYTES = 64 * 1_048_576

describe('an answer that nobody reads', () => {
  test.each([
    ['at once', (response: ServerResponse) => response.end(Buffer.alloc(ANSWER_BYTES))],
    ['without an end', (response: ServerResponse) => response.write(Buffer.alloc(ANSWER_BYTES))],
  ])('and that was written %s loses its connection', async (_, write) => {
    const server = createServer((_request, response) => {
      boundStall(response, 600)
      write(response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.on('error', () => undefined)
    client.pause()
    client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
    const [socket] = (await accepted) as [typeof client]
    await once(socket, 'close')
    client.destroy()
    server.close()
    await once(server, 'close')
  })

  test('that has been read whole leaves the connection open for the next request', async () => {
    const server = createServer((_request, response) => {
      boundStall(response, 600)
      response.end('x')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    const finished = once(server, 'request')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
    const [socket] = (await accepted) as [typeof client]
    const [, response] = (await finished) as [unknown, ServerResponse]
    if (!response.writableFinished) await once(response, 'finish')
    // That of an idle connection, which Node.js sets.
    expect(socket.timeout).toBeGreaterThanOrEqual(server.keepAliveTimeout)
    client.destroy()
    server.close()
    await once(server, 'close')
  })
})
