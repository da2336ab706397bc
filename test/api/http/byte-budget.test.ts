/** Bytes that are under way count until their exchange is over, however it ends. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ByteBudget, SMALL_BODY_BYTES_MAX } from '../../../src/api/http/byte-budget.ts'

const LARGE = SMALL_BODY_BYTES_MAX + 1

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** The responses to so many pipelined requests, none of them sent yet. */
async function responsesTo(
  count: number,
): Promise<{ responses: ServerResponse[]; client: Socket }> {
  const responses: ServerResponse[] = []
  let wake = (): void => undefined
  const server = createServer((_request, response) => {
    responses.push(response)
    wake()
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count))
  while (responses.length < count) await new Promise<void>((resolve) => (wake = resolve))
  return { responses, client }
}

test('byte budget: has room again once the answer is sent', async () => {
  const budget = new ByteBudget(LARGE)
  const { responses, client } = await responsesTo(1)
  client.resume()
  const [response] = responses as [ServerResponse]
  expect(budget.takeFor(response, LARGE)).toBe(true)
  expect(budget.take(1)).toBe(false)
  const closed = once(response, 'close')
  response.end()
  await closed
  expect(budget.take(LARGE)).toBe(true)
})

test('byte budget: has room again once the connection is gone, also for answers whose turn never came', async () => {
  const budget = new ByteBudget(2 * LARGE)
  const { responses, client } = await responsesTo(2)
  for (const response of responses) expect(budget.takeFor(response, LARGE)).toBe(true)
  expect(budget.take(1)).toBe(false)
  const { socket } = (responses[0] as ServerResponse).req
  const closed = once(socket, 'close')
  client.destroy()
  await closed
  expect(budget.take(2 * LARGE)).toBe(true)
})

test('byte budget: what is taken for an answer that is over already is given back at once', async () => {
  const budget = new ByteBudget(LARGE)
  const { responses, client } = await responsesTo(1)
  const [response] = responses as [ServerResponse]
  const closed = once(response.req.socket, 'close')
  client.destroy()
  await closed
  expect(budget.takeFor(response, LARGE)).toBe(true)
  expect(budget.take(LARGE)).toBe(true)
})

test('byte budget: small bodies need no room', async () => {
  const { responses } = await responsesTo(1)
  const budget = new ByteBudget(0)
  expect(budget.takeFor(responses[0] as ServerResponse, SMALL_BODY_BYTES_MAX)).toBe(true)
  expect(budget.takeFor(responses[0] as ServerResponse, LARGE)).toBe(false)
})
