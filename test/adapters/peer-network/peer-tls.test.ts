/** TLS between nodes over real connections: who gets a link, what both ends are told, and that changes lose nothing. */
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectSecure, type ConnectionOptions } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'
import { askToJoin } from '../../../src/adapters/peer-network/join-request.ts'
import { PROTOCOL } from '../../../src/adapters/peer-network/handshake.ts'
import { createPeerNetwork } from '../../../src/adapters/peer-network/peer-network.ts'
import type { PeerTls } from '../../../src/adapters/peer-network/peer-tls.ts'
import { VERSIONS } from '../../../src/core/protocol-versions.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { Network, PeerRefusal } from '../../../src/ports/network.ts'
import { TestAuthority, type TestCertificate } from '../../certificates/test-authority.ts'
import { TestMaterial } from '../../certificates/test-material.ts'
import { type FrameListener, networkConformance, opened } from '../../conformance/network.ts'
import { PeerWorld } from './peer-world.ts'

const authority = new TestAuthority()
const stranger = new TestAuthority()
const certificateOf = { a: authority.issue(['a', 'localhost']), b: authority.issue(['b']) }

const silent = createPinoLog({ node: 'test', level: 'silent' })

function tlsOf(certificate: TestCertificate, ca = authority.cert, isRequired = true): PeerTls {
  return { certificates: new TestMaterial({ ...certificate, ca }), isRequired }
}

networkConformance('TLS', () => new PeerWorld((id) => tlsOf(certificateOf[id as 'a' | 'b'])))

const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function newWorld(): PeerWorld {
  const world = new PeerWorld()
  cleanups.push(() => world.dispose())
  return world
}

interface End {
  readonly network: Network & { port(): number }
  readonly lines: readonly string[]
  readonly refusals: readonly PeerRefusal[]
}

async function start(
  world: PeerWorld,
  id: string,
  tls: PeerTls | undefined,
  listener: FrameListener = () => undefined,
  options: { oldCaMs?: number } = {},
): Promise<End> {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log: Log = createPinoLog({ node: id, level: 'info', destination })
  const refusals: PeerRefusal[] = []
  const network = await world.start(id, listener, VERSIONS.newest, {
    ...options,
    log,
    ...(tls === undefined ? {} : { tls }),
  })
  network.onRefusal((refusal) => refusals.push(refusal))
  return { network, lines, refusals }
}

describe('a link with TLS', () => {
  it('is encrypted both ways, and the log says so', async () => {
    const world = newWorld()
    const a = await start(world, 'a', tlsOf(certificateOf.a))
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    await opened(a.network, 'b')
    await opened(b.network, 'a')
    expect(a.lines.some((line) => line.includes('"tls":true'))).toBe(true)
    const request = 'GET /v1/peer HTTP/1.1\r\nhost: b\r\n\r\n'
    expect(await plainAnswer(b.network.port(), request)).toContain('must connect with TLS')
  })

  const EXPIRED = { validMs: -1000 }
  it.each([
    ['is signed by a foreign CA', stranger.issue(['a']), 'no CA of'],
    ['names another node', authority.issue(['c']), 'must name it'],
    ['names no node', authority.issue([]), 'must name it'],
    ['names the node as the beginning of a name', authority.issue(['a.peer']), 'must name it'],
    ['is for any name', authority.issue(['*']), 'must name it'],
    ['has expired', authority.issue(['a'], EXPIRED), 'has expired'],
  ])('is refused to a node whose certificate %s', async (_what, certificate, reason) => {
    const world = newWorld()
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    const a = await start(world, 'a', tlsOf(certificate))
    // Both directions: b does not accept a, and b does not take what answers for a.
    await expect.poll(() => b.refusals.map(({ by }) => by)).toContain('self')
    await expect
      .poll(() => a.refusals)
      .toContainEqual(expect.objectContaining({ peer: 'b', by: 'peer', reason: 'certificate' }))
    await expect.poll(() => b.lines.some((line) => line.includes(reason))).toBe(true)
    await expect.poll(() => a.lines.some((line) => line.includes(reason))).toBe(true)
    expect([a.network.isLinked('b'), b.network.isLinked('a')]).toEqual([false, false])
  })

  it('is refused by a node that does not know the CA of the other one', async () => {
    const world = newWorld()
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    const a = await start(world, 'a', tlsOf(certificateOf.a, stranger.cert))
    await expect
      .poll(() => a.refusals)
      .toContainEqual(expect.objectContaining({ peer: 'b', by: 'self', reason: 'certificate' }))
    await expect
      .poll(() => b.refusals)
      .toContainEqual(expect.objectContaining({ peer: 'a', by: 'peer', reason: 'certificate' }))
    expect([a.network.isLinked('b'), b.network.isLinked('a')]).toEqual([false, false])
  })

  it.each([
    ['server', 'peer'],
    ['client', 'self'],
  ] as const)('needs a certificate for more than a %s', async (usage, by) => {
    const world = newWorld()
    const refused = usage === 'server' ? ({ peer: 'b', by } as const) : { peer: 'a', by }
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    const a = await start(world, 'a', tlsOf(authority.issue(['a'], { usages: [usage] })))
    const { refusals } = usage === 'server' ? a : b
    await expect
      .poll(() => refusals)
      .toContainEqual(expect.objectContaining({ ...refused, reason: 'certificate' }))
    expect(refusals.some(({ message }) => message.includes('extended key usage'))).toBe(true)
  })

  it('is refused where the answering node has the certificate of another one', async () => {
    const world = newWorld()
    const a = await start(world, 'a', tlsOf(certificateOf.a))
    await start(world, 'b', tlsOf(authority.issue(['c'])))
    await expect
      .poll(() => a.refusals)
      .toContainEqual(expect.objectContaining({ peer: 'b', by: 'self', reason: 'certificate' }))
    expect(a.network.isOpen('b')).toBe(false)
  })
})

describe('a peer port with TLS', () => {
  const introduction =
    'GET /v1/peer HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: quorate-peer/1\r\n' +
    'quorate-from: a\r\nquorate-to: b\r\nquorate-cluster: cluster\r\n\r\n'

  it.each([
    ['no certificate', {}],
    ['a certificate of a foreign CA', stranger.issue(['a'])],
    ['an expired certificate', authority.issue(['a'], { validMs: -1000 })],
    ['the certificate of another node', authority.issue(['c'])],
  ])('lets nobody in who shows %s', async (_what, options) => {
    const world = newWorld()
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    const answer = await secureAnswer(b.network.port(), options, introduction)
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
    expect(answer).toContain('quorate-refusal: certificate')
    const path = introduction.replace('/v1/peer', '/v1/peer/membership').replace('upgrade\r\n', '')
    expect(await secureAnswer(b.network.port(), options, path)).toMatch(/^HTTP\/1\.1 403 /)
    const asked = JSON.stringify({ id: 'a', peerUrl: 'http://a:1', zone: 'z', protocol: PROTOCOL })
    const join =
      'POST /v1/peer/join HTTP/1.1\r\nhost: b\r\ncontent-type: application/json\r\n' +
      `content-length: ${asked.length}\r\n\r\n${asked}`
    expect(await secureAnswer(b.network.port(), options, join)).toMatch(/^HTTP\/1\.1 403 /)
    expect(b.network.isLinked('a')).toBe(false)
  })

  it.each([
    ['garbage', Buffer.from('00ff13371337deadbeef', 'hex')],
    ['half a TLS record', Buffer.from('1603010200010001fc0303', 'hex')],
    ['a TLS record that is none', Buffer.from('16030100050100000100', 'hex')],
  ])('closes a connection that sends %s, and goes on', async (_what, bytes) => {
    const world = newWorld()
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    const socket = connectPlain(b.network.port(), '127.0.0.1', () => socket.write(bytes))
    socket.on('error', () => undefined)
    socket.resume()
    await once(socket, 'close')
    const a = await start(world, 'a', tlsOf(certificateOf.a))
    await opened(a.network, 'b')
  })
})

describe('a cluster that is switched to TLS', () => {
  const optional = {
    a: (): PeerTls => tlsOf(certificateOf.a, authority.cert, false),
    b: (): PeerTls => tlsOf(certificateOf.b, authority.cert, false),
  }

  it.each([
    ['only one of them has TLS', optional.a, (): undefined => undefined, false],
    ['both may use it', optional.a, optional.b, true],
    ['one of them requires it', optional.a, () => tlsOf(certificateOf.b), true],
  ])('has links both ways while %s', async (_what, ofA, ofB, isSecure) => {
    const world = newWorld()
    const a = await start(world, 'a', ofA())
    const b = await start(world, 'b', ofB())
    await opened(a.network, 'b')
    await opened(b.network, 'a')
    expect(a.lines.some((line) => line.includes(`"tls":${isSecure}`))).toBe(true)
  })

  it.each([
    ['a has none', (): undefined => undefined, () => tlsOf(certificateOf.b), 'by peer'],
    ['b has none', () => tlsOf(certificateOf.a), (): undefined => undefined, 'by self'],
  ])('has no link once one node requires it and %s', async (_what, ofA, ofB, by) => {
    const world = newWorld()
    const a = await start(world, 'a', ofA())
    const b = await start(world, 'b', ofB())
    await expect
      .poll(() => a.refusals.map((each) => `${each.reason} by ${each.by}`))
      .toContain(`plaintext ${by}`)
    expect([a.network.isLinked('b'), b.network.isLinked('a')]).toEqual([false, false])
  })
})

describe('a node that joins', () => {
  const versions = VERSIONS
  const n6 = { id: 'n6', peerUrl: 'http://127.0.0.1:7086', zone: 'east' }
  const document = JSON.stringify({ epoch: 2, members: [{ id: 'n6' }] })

  async function seed(tls: PeerTls | undefined): Promise<string> {
    const network = createPeerNetwork({
      self: 'b',
      newestVersion: VERSIONS.newest,
      listen: { host: '127.0.0.1', port: 0 },
      log: silent,
      tls,
      admit: async () => ({ status: 200, text: JSON.stringify({ document }) }),
    })
    await network.start()
    cleanups.push(() => network.close())
    return `http://127.0.0.1:${network.port()}`
  }

  const join = (url: string, tls: PeerTls | undefined): Promise<string> => {
    const rest = { replaces: undefined, stop: undefined, log: silent, versions, tls }
    return askToJoin({ self: n6, seeds: [url], ...rest })
  }

  it('is admitted with a certificate that names it', async () => {
    const url = await seed(tlsOf(certificateOf.b))
    expect(await join(url, tlsOf(authority.issue(['n6'])))).toBe(document)
  })

  it('is admitted by a member without TLS while TLS is optional', async () => {
    const optional = tlsOf(authority.issue(['n6']), authority.cert, false)
    expect(await join(await seed(undefined), optional)).toBe(document)
  })

  it.each([
    ['the certificate of another node', tlsOf(authority.issue(['n7'])), 'must name it'],
    ['a certificate of a foreign CA', tlsOf(stranger.issue(['n6'])), 'no CA of'],
    ['no TLS', undefined, 'must connect with TLS'],
  ])('is refused with %s', async (_what, tls, reason) => {
    const url = await seed(tlsOf(certificateOf.b))
    await expect(join(url, tls)).rejects.toThrow(reason)
  })
})

describe('certificates that change', () => {
  const next = new TestAuthority()
  const both = `${authority.cert}${next.cert}`
  const materialOf = (id: 'a' | 'b'): TestMaterial =>
    new TestMaterial({ ...certificateOf[id], ca: authority.cert })

  it('lose no ask and no answer: certificate, key and CA are replaced under load', async () => {
    const world = newWorld()
    const [ofA, ofB] = [materialOf('a'), materialOf('b')]
    const sent = new Set<number>()
    const answered = new Set<number>()
    const take = (_from: string, _channel: unknown, frame: Uint8Array): void =>
      void answered.add(Buffer.from(frame).readUInt32LE(0))
    const a = await start(world, 'a', { certificates: ofA, isRequired: true }, take)
    const b = await start(world, 'b', { certificates: ofB, isRequired: true }, (from, _, frame) => {
      // Later, so that answers are on their way when a connection is replaced.
      setImmediate(() => expect(b.network.send(from, 'answer', frame)).toBe(true))
    })
    await opened(a.network, 'b')
    await opened(b.network, 'a')
    const links: boolean[] = []
    a.network.onLink((_peer, open) => links.push(open))
    let isLoading = true
    const load = (async () => {
      for (let i = 0; isLoading; i++) {
        const frame = Buffer.alloc(4 + (i % 7) * 1000)
        frame.writeUInt32LE(i, 0)
        expect(a.network.send('b', 'ask', frame)).toBe(true)
        sent.add(i)
        await new Promise((resume) => setImmediate(resume))
      }
    })()
    const renewals = (): number =>
      a.lines.filter((line) => line.includes('link has a new connection')).length
    for (const [i, step] of [
      { a: { ca: both }, b: { ca: both } },
      { a: next.issue(['a']), b: next.issue(['b']) },
      { a: { ca: next.cert }, b: { ca: next.cert } },
    ].entries()) {
      ofA.change(step.a)
      ofB.change(step.b)
      // A certificate alone renews no link.
      await expect.poll(renewals, { interval: 5 }).toBe([1, 1, 2][i])
      const until = sent.size + 300
      await expect.poll(() => answered.size, { interval: 5 }).toBeGreaterThan(until)
    }
    isLoading = false
    await load
    await expect.poll(() => answered.size).toBe(sent.size)
    expect(links).toEqual([])
    // The former certificate gets nobody in any more.
    const answer = await secureAnswer(b.network.port(), certificateOf.a, 'GET / HTTP/1.1\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('close the links of peers that do not renew them, and peers dial again', async () => {
    const world = newWorld()
    const ofA = materialOf('a')
    const tls = { certificates: ofA, isRequired: true }
    const a = await start(world, 'a', tls, () => undefined, { oldCaMs: 20 })
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    await opened(a.network, 'b')
    await opened(b.network, 'a')
    const states: boolean[] = []
    const isBack = new Promise<void>((resolve) => {
      b.network.onLink((_peer, open) => {
        states.push(open)
        if (open) resolve()
      })
    })
    ofA.change({ ca: both })
    await isBack
    expect(states).toEqual([false, true])
  })

  it('close the links that the new CA does not vouch for', async () => {
    const world = newWorld()
    const ofA = materialOf('a')
    const tls = { certificates: ofA, isRequired: true }
    const a = await start(world, 'a', tls, () => undefined, { oldCaMs: 20 })
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    await opened(a.network, 'b')
    await opened(b.network, 'a')
    ofA.change({ ca: next.cert })
    await expect
      .poll(() => b.refusals)
      .toContainEqual(expect.objectContaining({ peer: 'a', by: 'peer', reason: 'certificate' }))
    // Its own link is tried for some seconds, and then closed, too.
    expect(b.network.isOpen('a')).toBe(false)
    expect(a.network.isOpen('b')).toBe(true)
  })

  it('are not passed by with the session of an earlier connection', async () => {
    const world = newWorld()
    const b = await start(world, 'b', tlsOf(certificateOf.b))
    const port = b.network.port()
    const sessions: Buffer[] = []
    const first = connectSecure({
      ...certificateOf.a,
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    first.on('session', (session) => sessions.push(session))
    first.on('error', () => undefined)
    first.once('secureConnect', () => first.write('GET / HTTP/1.1\r\n\r\n'))
    await textOf(first)
    for (const session of sessions) {
      const again = await secureAnswer(port, { session }, 'GET / HTTP/1.1\r\n\r\n')
      expect(again).toContain('quorate-refusal: certificate')
    }
  })
})

async function plainAnswer(port: number, request: string): Promise<string> {
  const socket = connectPlain(port, '127.0.0.1', () => socket.write(request))
  return textOf(socket)
}

/** What the port answers to a client that does not look at its certificate. */
async function secureAnswer(
  port: number,
  options: ConnectionOptions,
  request: string,
): Promise<string> {
  const socket = connectSecure({ ...options, port, host: '127.0.0.1', rejectUnauthorized: false })
  socket.once('secureConnect', () => socket.write(request))
  return textOf(socket)
}

async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  socket.on('error', () => undefined)
  await once(socket, 'close')
  return text
}
