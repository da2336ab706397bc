/** Links while TLS is optional: when one goes without TLS, who is told, and that it does not stay so. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'
import type { BoundNetwork } from '../../../src/adapters/peer-network/peer-network.ts'
import type { PeerTls } from '../../../src/adapters/peer-network/peer-tls.ts'
import { VERSIONS } from '../../../src/core/protocol-versions.ts'
import { TestAuthority } from '../../certificates/test-authority.ts'
import { TestMaterial } from '../../certificates/test-material.ts'
import { opened } from '../../conformance/network.ts'
import { PeerWorld } from './peer-world.ts'

const authority = new TestAuthority()
const TLS_HANDSHAKE = 0x16

const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function tlsOf(id: string, isRequired = false): PeerTls {
  const certificates = new TestMaterial({ ...authority.issue([id]), ca: authority.cert })
  return { certificates, isRequired }
}

function newWorld(): PeerWorld {
  const world = new PeerWorld()
  cleanups.push(() => world.dispose())
  return world
}

interface Dialling {
  readonly network: BoundNetwork
  readonly lines: readonly string[]
}

/** Node a, which dials b at the given address. */
async function startA(world: PeerWorld, peerUrl: string, retryMs = 60_000): Promise<Dialling> {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const network = await world.start('a', () => undefined, VERSIONS.newest, {
    tls: { ...tlsOf('a'), retryMs },
    log: createPinoLog({ node: 'a', level: 'info', destination }),
    peerUrl,
  })
  return { network, lines }
}

/** A proxy that closes connections which begin with a TLS handshake, as long as `isCut` says so. */
async function startProxy(url: string, isCut: () => boolean): Promise<string> {
  const sockets = new Set<Socket>()
  const { port } = new URL(url)
  const proxy = createServer((near) => {
    near.once('data', (first: Buffer) => {
      if (first[0] === TLS_HANDSHAKE && isCut()) {
        near.destroy()
        return
      }
      const far = connect(Number(port), '127.0.0.1')
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => [near, far].forEach((each) => each.destroy()))
      }
      far.write(first)
      near.pipe(far)
      far.pipe(near)
    })
    near.on('error', () => near.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

it('a link without TLS is counted and told, and moves to TLS without a gap', async () => {
  const world = newWorld()
  let isCut = true
  const b = await world.start('b', () => undefined, VERSIONS.newest, { tls: tlsOf('b') })
  const url = await startProxy(await world.urlOf('b'), () => isCut)
  const a = await startA(world, url, 10)
  await opened(a.network, 'b')
  await opened(b, 'a')
  expect([a.network.plainLinks(), b.plainLinks()]).toEqual([1, 1])
  expect(a.lines.filter((line) => line.includes('the link is not encrypted'))).toHaveLength(1)
  const states: boolean[] = []
  a.network.onLink((_peer, open) => states.push(open))
  isCut = false
  await expect.poll(() => [a.network.plainLinks(), b.plainLinks()]).toEqual([0, 0])
  expect(states).toEqual([])
  expect(a.network.isOpen('b')).toBe(true)
})

it('a handshake that was cut short once is tried again with TLS', async () => {
  const world = newWorld()
  let cuts = 0
  const b = await world.start('b', () => undefined, VERSIONS.newest, { tls: tlsOf('b') })
  const url = await startProxy(await world.urlOf('b'), () => cuts++ === 0)
  const a = await startA(world, url)
  await opened(a.network, 'b')
  await opened(b, 'a')
  expect(cuts).toBe(2)
  expect(a.network.plainLinks()).toBe(0)
})

it('a link with a peer that has no TLS stays as it is, however often TLS is tried', async () => {
  const world = newWorld()
  let attempts = 0
  const b = await world.start('b', () => undefined)
  const url = await startProxy(await world.urlOf('b'), () => {
    attempts++
    return false
  })
  const a = await startA(world, url, 10)
  await opened(a.network, 'b')
  await opened(b, 'a')
  const states: boolean[] = []
  a.network.onLink((_peer, open) => states.push(open))
  const told = a.lines.length
  await expect.poll(() => attempts).toBeGreaterThan(4)
  expect(states).toEqual([])
  expect(a.lines.slice(told)).toEqual([])
  expect(a.network.plainLinks()).toBe(2)
})

it('a stranger that resets its connection after the handshake ends nothing else', async () => {
  const world = newWorld()
  const b = await world.start('b', () => undefined, VERSIONS.newest, { tls: tlsOf('b', true) })
  for (let i = 0; i < 20; i++) {
    const raw = connect(b.port(), '127.0.0.1')
    const stranger = connectSecure({ socket: raw, rejectUnauthorized: false })
    stranger.on('error', () => undefined)
    raw.on('error', () => undefined)
    stranger.once('secureConnect', () => {
      stranger.write('GET / HTTP/1.1\r\n\r\n')
      raw.resetAndDestroy()
    })
    await once(raw, 'close')
  }
  const a = await world.start('a', () => undefined, VERSIONS.newest, { tls: tlsOf('a', true) })
  await opened(a, 'b')
})
