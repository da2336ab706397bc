/** HTTPS for clients and TLS between nodes, on real nodes with real files: who is answered, and what a rotation costs. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { connect as connectSecure, type ConnectionOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, RejectedError } from '../../src/client/quorate.ts'
import { httpsFetch } from '../../src/cli/store/https-fetch.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { type RunningServer, startServer } from '../../src/server/compose.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'
import { TestAuthority, type TestCertificate, writeFiles } from '../certificates/test-authority.ts'
import { quorate } from '../cli/cli-run.ts'

const IDS = ['n1', 'n2', 'n3'] as const
const NAMES = ['localhost', '127.0.0.1']

let folder: string
let authorities: { readonly clients: TestAuthority; readonly peers: TestAuthority }
let nodes: readonly RunningServer[]
const broken: unknown[] = []

const pathOf = (name: string): string => join(folder, 'pem', name)

function writeClientFiles(authority: TestAuthority, clientCa: string): void {
  const { cert, key } = authority.issue(NAMES)
  writeFiles({ [pathOf('cert')]: cert, [pathOf('key')]: key, [pathOf('client-ca')]: clientCa })
}

function writePeerFiles(authority: TestAuthority): void {
  for (const id of IDS) {
    const { cert, key } = authority.issue([id])
    writeFiles({ [pathOf(`${id}-cert`)]: cert, [pathOf(`${id}-key`)]: key })
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-tls-'))
  authorities = { clients: new TestAuthority(), peers: new TestAuthority() }
  writeClientFiles(authorities.clients, authorities.clients.cert)
  writePeerFiles(authorities.peers)
  writeFiles({ [pathOf('peer-ca')]: authorities.peers.cert })
  const ports = await freePorts(IDS.length)
  const members = IDS.map((id, i) => `${id}=http://127.0.0.1:${ports[i]}`).join(',')
  nodes = await Promise.all(IDS.map((id, i) => start(id, ports[i] as number, members)))
})

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  rmSync(folder, { recursive: true, force: true })
  expect(broken).toEqual([])
})

function start(id: string, peerPort: number, members: string): Promise<RunningServer> {
  const parsed = parseSettings({
    QUORATE_NODE_ID: id,
    QUORATE_MEMBERS: members,
    QUORATE_DATA_DIR: join(folder, id),
    QUORATE_LISTEN: '127.0.0.1:0',
    QUORATE_PEER_LISTEN: `127.0.0.1:${peerPort}`,
    QUORATE_DURABILITY: 'os',
    QUORATE_LOG_LEVEL: 'silent',
    QUORATE_TLS_CERT: pathOf('cert'),
    QUORATE_TLS_KEY: pathOf('key'),
    QUORATE_TLS_CLIENT_CA: pathOf('client-ca'),
    QUORATE_PEER_TLS_CERT: pathOf(`${id}-cert`),
    QUORATE_PEER_TLS_KEY: pathOf(`${id}-key`),
    QUORATE_PEER_TLS_CA: pathOf('peer-ca'),
  })
  if (!parsed.ok) throw new Error(parsed.problem)
  return startServer(parsed.settings, { onBroken: (error) => broken.push(error) })
}

const urls = (): string[] => nodes.map(({ clientPort }) => `https://127.0.0.1:${clientPort}`)

describe('a client', () => {
  it('with a certificate of the CA is served', async () => {
    const ca = authorities.clients.cert
    const fetch = httpsFetch({ ca, ...authorities.clients.issue([]) })
    await using client = createClient({ endpoints: urls(), fetch })
    await client.bucket('default').put('k', 'v')
    expect((await client.bucket('default').get('k')).value()).toBe('v')
  })

  it.each([
    ['no certificate', {}, 'none came'],
    ['one of a foreign CA', new TestAuthority().issue([]), 'its CA is not known'],
  ] as const)(
    'with %s is refused in words, and gets health alone',
    async (_what, options, words) => {
      const { status, text } = await get('/v1/cluster', options)
      expect(status).toBe(403)
      const problem = JSON.parse(text) as { code: string; detail: string }
      expect(problem.code).toBe('certificate_required')
      expect(problem.detail).toContain(words)
      expect((await get('/livez', options)).status).toBe(200)
      expect((await get('/readyz?scope=node', options)).status).toBe(200)
      for (const path of ['/', '/metrics', '/readyz?verbose', '/v1/kv/default/k', '/livez/x']) {
        expect((await get(path, options)).status).toBe(403)
      }
    },
  )

  it.each([
    ['an expired one', { validMs: -1000 }, 'it has expired'],
    ['one for servers', { usages: ['server'] }, 'extended key usage'],
  ] as const)('with %s is refused', async (_what, options, words) => {
    const { status, text } = await get('/metrics', authorities.clients.issue([], options))
    expect([status, text.includes(words)]).toEqual([403, true])
  })

  it('that speaks plain HTTP is told to use https://', async () => {
    const url = (urls()[0] as string).replace('https:', 'http:')
    const answer = await fetch(`${url}/v1/kv/default/k`, { method: 'PUT', body: 'v' })
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { detail: string }).detail).toContain('https://')
  })

  it('that does not know the CA is told so, and nothing was applied', async () => {
    const fetch = httpsFetch({ ca: new TestAuthority().cert, cert: undefined, key: undefined })
    await using client = createClient({ endpoints: urls(), fetch, retry: false })
    const putting = client.bucket('default').put('k', 'other')
    await expect(putting).rejects.toThrow(RejectedError)
    await expect(putting).rejects.toThrow('the CA of the node is not known here')
  })

  it('on the command line names the CA and its certificate as files', async () => {
    const { cert, key } = authorities.clients.issue([])
    const files = Object.fromEntries(
      Object.entries({ ca: authorities.clients.cert, cert, key }).map(([name, content]) => [
        name,
        Buffer.from(content),
      ]),
    )
    const options = { endpoints: urls(), files }
    const put = await quorate('put default cli value --ca ca --cert cert --key key', options)
    expect(put).toMatchObject({ code: 0, complained: '' })
    const got = await quorate('--ca ca --cert cert --key key get default cli', options)
    expect([got.code, got.printed]).toEqual([0, 'value'])
    const saved: Record<string, Uint8Array> = {}
    const backup = 'backup all --ca ca --cert cert --key key'
    expect((await quorate(backup, { ...options, saved })).code).toBe(0)
    expect(saved['all']?.length).toBeGreaterThan(0)
    const without = await quorate('get default cli --ca ca', options)
    expect(without.code).toBe(1)
    expect(without.complained).toContain('certificate')
    expect((await quorate('get default cli --ca ca --cert cert', options)).code).toBe(2)
    expect((await quorate('get default cli --ca nowhere', options)).code).toBe(1)
  })
})

describe('strangers', () => {
  it.each([
    ['random bytes', Buffer.from('00ff13371337deadbeef', 'hex')],
    ['a TLS record that is none', Buffer.from('16030100050100000100', 'hex')],
    ['half a request', Buffer.from('GE')],
  ])('that send %s end nothing but their connection', async (_what, bytes) => {
    const [{ clientPort }] = nodes as [RunningServer]
    const socket = connectPlain(clientPort, '127.0.0.1', () => socket.end(bytes))
    socket.on('error', () => undefined)
    socket.resume()
    await once(socket, 'close')
    expect((await get('/livez', {})).status).toBe(200)
  })

  it('cannot continue the session of a client that had a certificate', async () => {
    const [{ clientPort: port }] = nodes as [RunningServer]
    const ask = async (options: ConnectionOptions): Promise<{ text: string; session?: Buffer }> => {
      const all = { port, host: '127.0.0.1', rejectUnauthorized: false, ...options }
      const socket = connectSecure(all, () => {
        socket.write('GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
      })
      let session: Buffer | undefined
      let text = ''
      socket.on('session', (given) => (session = given))
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      await once(socket, 'close')
      return { text, ...(session === undefined ? {} : { session }) }
    }
    const first = await ask(authorities.clients.issue([]))
    expect(first.text).toMatch(/^HTTP\/1\.1 200 /)
    const again = await ask(first.session === undefined ? {} : { session: first.session })
    expect(again.text).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe('the metric', () => {
  it('tells how long each certificate is valid', async () => {
    const { text } = await get('/metrics', authorities.clients.issue([]))
    for (const kind of ['client', 'client_ca', 'peer', 'peer_ca']) {
      const series = new RegExp(
        `^quorate_certificate_expiry_seconds\\{kind="${kind}"\\} (\\d+)`,
        'm',
      )
      expect(Number(series.exec(text)?.[1])).toBeGreaterThan(80 * 86_400)
    }
  })
})

describe('a rotation under load', () => {
  it('of certificates, keys and both CAs fails no request', async () => {
    const next = { clients: new TestAuthority(), peers: new TestAuthority() }
    const [before, after] = [authorities.clients.issue([]), next.clients.issue([])]
    const trusted = `${authorities.clients.cert}${next.clients.cert}`
    const load = new Load(trusted)
    load.start(before)
    await load.more(30)
    // New certificates of the same CAs.
    let shown = await shownCertificates()
    writeClientFiles(authorities.clients, authorities.clients.cert)
    writePeerFiles(authorities.peers)
    await changed(shown)
    await load.more(30)
    // Both CAs are trusted.
    writeFiles({
      [pathOf('peer-ca')]: `${authorities.peers.cert}${next.peers.cert}`,
      [pathOf('client-ca')]: trusted,
    })
    await trusting([[after, 200]])
    await load.more(30)
    // Certificates of the next CAs, for nodes and clients.
    shown = await shownCertificates()
    writePeerFiles(next.peers)
    writeClientFiles(next.clients, trusted)
    await changed(shown)
    load.start(after)
    await load.more(30)
    await load.stopFirst()
    // The next CAs alone.
    writeFiles({ [pathOf('peer-ca')]: next.peers.cert, [pathOf('client-ca')]: next.clients.cert })
    await trusting([
      [before, 403],
      [after, 200],
    ])
    await load.more(30)
    await load.stop()
    expect(load.failed).toEqual([])
  })
})

/** Clients that write and read all the time, on connections that they keep as long as the nodes do. */
class Load {
  readonly failed: string[] = []
  readonly #ca: string
  readonly #clients: { isOver: boolean; readonly done: Promise<unknown> }[] = []
  #done = 0

  constructor(ca: string) {
    this.#ca = ca
  }

  start(certificate: TestCertificate): void {
    const fetch = httpsFetch({ ca: this.#ca, ...certificate })
    const client = createClient({ endpoints: urls(), fetch, retry: false, timeoutMs: 30_000 })
    const state = { isOver: false, done: Promise.resolve() as Promise<unknown> }
    const loop = async (name: number): Promise<void> => {
      const bucket = client.bucket('default')
      for (let i = 0; !state.isOver; i++) {
        try {
          await bucket.put(`load ${name}`, String(i), { consistency: 'quorum' })
          expect((await bucket.get(`load ${name}`, { consistency: 'quorum' })).value()).toBe(`${i}`)
          this.#done++
        } catch (error) {
          // The disk of a busy machine may stall for seconds, and a node then refuses writes.
          const isStalled = error instanceof RejectedError && error.code === 'overloaded'
          if (!isStalled) this.failed.push(String(error))
        }
      }
    }
    const loops = Array.from({ length: 3 }, (_, i) => loop(10 * this.#clients.length + i))
    state.done = Promise.all(loops).then(() => client.close())
    this.#clients.push(state)
  }

  async more(count: number): Promise<void> {
    const until = this.#done + count
    await expect.poll(() => this.#done, { interval: 5 }).toBeGreaterThan(until)
  }

  async stopFirst(): Promise<void> {
    const [first] = this.#clients
    if (first !== undefined) first.isOver = true
    await first?.done
  }

  async stop(): Promise<void> {
    for (const state of this.#clients) state.isOver = true
    await Promise.all(this.#clients.map(({ done }) => done))
  }
}

/** Resolves when every node shows clients another certificate than the given one. */
async function changed(before: readonly string[]): Promise<void> {
  await expect
    .poll(async () => (await shownCertificates()).some((each, i) => each === before[i]))
    .toBe(false)
}

/** The fingerprints of the certificates that the nodes show clients. */
function shownCertificates(): Promise<readonly string[]> {
  return Promise.all(
    nodes.map(async ({ clientPort: port }) => {
      const socket = connectSecure({ port, host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }),
  )
}

/** Resolves when every node accepts clients of exactly these CAs. */
async function trusting(
  certificates: readonly (readonly [TestCertificate, number])[],
): Promise<void> {
  for (const [certificate, status] of certificates) {
    for (const node of nodes) {
      await expect.poll(async () => (await get('/metrics', certificate, node)).status).toBe(status)
    }
  }
}

/** One request on a connection of its own, whatever the certificate of the node is. */
async function get(
  path: string,
  options: RequestOptions,
  { clientPort }: RunningServer = nodes[0] as RunningServer,
): Promise<{ status: number; text: string }> {
  const agent = new HttpsAgent({ keepAlive: false, maxCachedSessions: 0 })
  const asked = httpsRequest({
    host: '127.0.0.1',
    port: clientPort,
    path,
    agent,
    rejectUnauthorized: false,
    ...options,
  })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, text: await textOf(answer) }
}
