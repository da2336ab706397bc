import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createPinoLog } from '../../src/adapters/log/pino-log.ts'
import { type LinkFaults, watchLinkFaults } from '../../src/adapters/peer-network/link-faults.ts'
import { createPeerNetwork } from '../../src/adapters/peer-network/peer-network.ts'
import type { Network } from '../../src/ports/network.ts'
import { type FrameListener, networkConformance, opened } from '../conformance/network.ts'

const log = createPinoLog({ node: 'test', level: 'silent' })

/** Ports that were free a moment ago: a node that comes back must find its own again. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

class World {
  readonly #ports = new Map<string, Promise<number>>()
  readonly #networks: Network[] = []

  async start(
    id: string,
    listener: FrameListener,
    options: { faults?: LinkFaults; clusterId?: string } = {},
  ): Promise<Network & { port(): number }> {
    const urls = await Promise.all(
      ['a', 'b'].map(async (peer) => ({
        id: peer,
        url: `http://127.0.0.1:${await this.#port(peer)}`,
      })),
    )
    const network = createPeerNetwork({
      self: id,
      clusterId: () => options.clusterId ?? 'cluster',
      listen: { host: '127.0.0.1', port: await this.#port(id) },
      log,
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    })
    network.onFrame(listener)
    network.setPeers(urls.filter((peer) => peer.id !== id))
    await network.start()
    this.#networks.push(network)
    return network
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#networks.map((network) => network.close()))
  }

  #port(id: string): Promise<number> {
    const known = this.#ports.get(id) ?? freePort()
    this.#ports.set(id, known)
    return known
  }
}

networkConformance('HTTP upgrades', () => new World())

describe('peer network', () => {
  const cleanups: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function pair(
    listener: FrameListener,
  ): Promise<{ world: World; b: Network & { port(): number } }> {
    const world = new World()
    cleanups.push(() => world.dispose())
    return { world, b: await world.start('b', listener) }
  }

  it.each([
    ['random bytes', Buffer.from('00ff13371337deadbeef00000000', 'hex')],
    ['a plain HTTP request', Buffer.from('GET / HTTP/1.1\r\nhost: b\r\n\r\n')],
    [
      'an upgrade of another protocol',
      Buffer.from(
        'GET /v1/peer HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      ),
    ],
    ['a stranger', introduction('z', 'b', 'cluster')],
    ['another cluster', introduction('a', 'b', 'other')],
    ['a greeting for another node', introduction('a', 'c', 'cluster')],
    [
      'a frame of four gigabytes',
      Buffer.concat([introduction('a', 'b', 'cluster'), Buffer.alloc(4, 0xff)]),
    ],
  ])('closes a connection that sends %s, and goes on', async (_what, garbage) => {
    const got = Promise.withResolvers<string>()
    const { world, b } = await pair((from) => got.resolve(from))
    await new Promise<void>((resolve) => {
      const socket = connect(b.port(), '127.0.0.1', () => socket.end(garbage))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
      socket.resume()
    })
    const a = await world.start('a', () => undefined)
    await opened(a, 'b')
    a.send('b', 'ask', Uint8Array.of(1))
    expect(await got.promise).toBe('a')
  })

  it('gives up a link that is mute, although its connection stays open, and opens it when it is heard again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-links-'))
    cleanups.push(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'links.json')
    const { world } = await pair(() => undefined)
    const a = await world.start('a', () => undefined, { faults: watchLinkFaults(file, log) })
    await opened(a, 'b')
    const writeFaults = (faults: readonly object[]): void => {
      writeFileSync(`${file}.new`, JSON.stringify({ faults }))
      renameSync(`${file}.new`, file)
    }
    const states: boolean[] = []
    const heard = Promise.withResolvers<void>()
    a.onLink((_peer, open) => {
      states.push(open)
      // A broken file is no fault: the lease of the one before ends with it.
      if (!open) writeFileSync(file, 'not JSON')
      else heard.resolve()
    })
    writeFaults([
      { id: 'x', peer: 'b', direction: 'both', lossPercent: 100, untilMs: Date.now() + 60_000 },
    ])
    await heard.promise
    expect(states).toEqual([false, true])
  })
})

function introduction(from: string, to: string, cluster: string): Buffer {
  return Buffer.from(
    'GET /v1/peer HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: quorate-peer/1\r\n' +
      `quorate-from: ${from}\r\nquorate-to: ${to}\r\nquorate-cluster: ${cluster}\r\n\r\n`,
  )
}
