/** A node with HTTPS that stops while TLS handshakes are under way. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex, duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect as connectSecure } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { TestAuthority, writeFiles } from '../certificates/test-authority.ts'
import { startCluster, type TestCluster } from './test-cluster.ts'

const authority = new TestAuthority()

let folder: string
let cluster: TestCluster
let port: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-tls-stop-'))
  const { cert, key } = authority.issue(['localhost', '127.0.0.1'])
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFiles({ [certPath]: cert, [keyPath]: key })
  cluster = await startCluster(1, { QUORATE_TLS_CERT: certPath, QUORATE_TLS_KEY: keyPath })
  port = cluster.nodes[0]?.clientPort ?? 0
})

afterEach(async () => {
  await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
})

const HELLO_BEGINS = Buffer.from('1603010200010001fc0303', 'hex')

it.each([
  ['nothing yet', Buffer.alloc(0)],
  ['half of the first message', HELLO_BEGINS],
])('does not wait for a client that has sent %s', async (_what, bytes) => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  socket.write(bytes)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await cluster.nodes[0]?.stop()
  await closed
})

it('answers a request that comes with the end of a handshake', async () => {
  const raw = connect(port, '127.0.0.1')
  await once(raw, 'connect')
  const line = new HeldLine(raw)
  const client = connectSecure({ socket: line.end, ca: authority.cert, servername: 'localhost' })
  // The node has answered the first message of the client, and not heard the second one.
  await once(client, 'secureConnect')
  client.write('PUT /v1/kv/default/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nv')
  const stopped = cluster.nodes[0]?.stop()
  line.release()
  const answer = await text(client)
  expect(answer).toMatch(/^HTTP\/1\.1 503 /)
  expect(answer).toContain('"outcome":"rejected"')
  await stopped
})

/** Passes on the first message to the socket, and holds back all others until it is released. */
class HeldLine {
  /** The end of the client. */
  readonly end: Duplex
  readonly #held: Buffer[] = []
  readonly #socket: Socket
  #isReleased = false

  constructor(socket: Socket) {
    const [near, far] = duplexPair()
    this.end = near
    this.#socket = socket
    let isFirst = true
    far.on('data', (chunk: Buffer) => {
      if (isFirst || this.#isReleased) socket.write(chunk)
      else this.#held.push(chunk)
      isFirst = false
    })
    socket.on('data', (chunk: Buffer) => far.write(chunk))
    socket.on('end', () => far.end())
    socket.on('error', () => far.destroy())
  }

  release(): void {
    this.#isReleased = true
    for (const chunk of this.#held.splice(0)) this.#socket.write(chunk)
  }
}
