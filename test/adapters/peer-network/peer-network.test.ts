import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'
import { watchLinkFaults } from '../../../src/adapters/chaos/link-faults.ts'
import { createPeerNetwork } from '../../../src/adapters/peer-network/peer-network.ts'
import { QUEUE_BYTES_MAX } from '../../../src/adapters/peer-network/link.ts'
import { NEWCOMERS_MAX } from '../../../src/adapters/peer-network/newcomers.ts'
import { VERSIONS } from '../../../src/core/protocol-versions.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { Network, PeerRefusal } from '../../../src/ports/network.ts'
import { type FrameListener, networkConformance, opened } from '../../conformance/network.ts'
import { PeerWorld } from './peer-world.ts'

const log = createPinoLog({ node: 'test', level: 'silent' })

/** What was logged, by one node. */
function recordLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { log: createPinoLog({ node: 'test', level: 'info', destination }), lines }
}

networkConformance('HTTP upgrades', () => new PeerWorld())

describe('peer network', () => {
  const cleanups: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function pair(
    listener: FrameListener,
  ): Promise<{ world: PeerWorld; b: Network & { port(): number } }> {
    const world = new PeerWorld()
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

  it('closes a connection that says nothing', async () => {
    const { b } = await pair(() => undefined)
    const silent = connect(b.port(), '127.0.0.1')
    silent.on('error', () => undefined)
    silent.resume()
    await once(silent, 'close')
  })

  it('has room for a peer among many that only connect, and lets the oldest of them go', async () => {
    const { world, b } = await pair(() => undefined)
    const sockets = Array.from({ length: NEWCOMERS_MAX + 50 }, () => {
      const socket = connect(b.port(), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.resume()
      return socket
    })
    cleanups.push(() => sockets.forEach((socket) => socket.destroy()))
    await Promise.all(sockets.slice(0, 50).map((socket) => once(socket, 'close')))
    const a = await world.start('a', () => undefined)
    await opened(a, 'b')
  })

  it('says at both ends, once, why a peer is refused', async () => {
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    const [atA, atB] = [recordLog(), recordLog()]
    let handshakes = 0
    const many = Promise.withResolvers<void>()
    let clusterOfB = 'another'
    await world.start('b', () => undefined, VERSIONS.newest, {
      log: atB.log,
      clusterId: () => {
        if (++handshakes === 8) many.resolve()
        return clusterOfB
      },
    })
    const a = await world.start('a', () => undefined, VERSIONS.newest, { log: atA.log })
    await many.promise
    clusterOfB = 'cluster'
    await opened(a, 'b')
    const reason = 'b belongs to another cluster: its member list differs'
    expect(atB.lines.filter((line) => line.includes(reason)).length).toBe(1)
    expect(atA.lines.filter((line) => line.includes(reason)).length).toBe(1)
  })

  it('gives both ends the reason of a refusal as a word, and the epoch of the one that refuses', async () => {
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    const b = await world.start('b', () => undefined, VERSIONS.newest)
    const atB = Promise.withResolvers<PeerRefusal>()
    b.onRefusal(atB.resolve)
    b.setPeers([])
    const a = await world.start('a', () => undefined)
    const atA = Promise.withResolvers<PeerRefusal>()
    a.onRefusal(atA.resolve)
    const refusal = { reason: 'not_a_member', message: 'a is not a member', epoch: 7 }
    expect(await atA.promise).toEqual({ peer: 'b', by: 'peer', ...refusal })
    expect(await atB.promise).toEqual({ peer: 'a', by: 'self', ...refusal })
  })

  it('says at both ends which versions have nothing in common', async () => {
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    const [atA, atB] = [recordLog(), recordLog()]
    await world.start('b', () => undefined, 1, { log: atB.log })
    const a = await world.start('a', () => undefined, 3, { log: atA.log, oldest: 2 })
    const reason = (first: string, second: string): string =>
      `${first} of the protocol between nodes, ${second} of the protocol between nodes: they have none in common`
    const [ofA, ofB] = ['a speaks versions 2-3', 'b speaks versions 1-1']
    const tells = (lines: string[], words: string): (() => boolean) => {
      return () => lines.some((line) => line.includes(words))
    }
    // As it dials, and as it refuses.
    await expect.poll(tells(atA.lines, reason(ofA, ofB))).toBe(true)
    await expect.poll(tells(atB.lines, `refused: ${reason(ofA, ofB)}`)).toBe(true)
    expect([a.isOpen('b'), a.versionOf('b', 'ask'), a.versionOf('b', 'answer')]).toEqual([
      false,
      undefined,
      undefined,
    ])
  })

  it('has no link to a peer that names no version', async () => {
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    await answering(await world.port('b'), 'b', '')
    const { log: recording, lines } = recordLog()
    const a = await world.start('a', () => undefined, VERSIONS.newest, { log: recording })
    await expect.poll(() => lines.some((line) => line.includes('none in common'))).toBe(true)
    expect(a.isOpen('b')).toBe(false)
  })

  it('does not take another node for the peer it dialled', async () => {
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    await answering(await world.port('b'), 'c')
    const { log: recording, lines } = recordLog()
    const a = await world.start('a', () => undefined, VERSIONS.newest, { log: recording })
    await expect.poll(() => lines.some((line) => line.includes('is c, not b'))).toBe(true)
    expect(a.isOpen('b')).toBe(false)
  })

  it('takes no more frames than its bound for a peer that does not read', async () => {
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    await answering(await world.port('b'), 'b')
    const a = await world.start('a', () => undefined)
    await opened(a, 'b')
    const frame = new Uint8Array(1024 * 1024)
    let taken = 0
    while (a.send('b', 'ask', frame)) taken++
    // The kernel takes some more.
    expect(taken * frame.length).toBeLessThan(QUEUE_BYTES_MAX * 1.5)
    expect(taken * frame.length).toBeGreaterThan(QUEUE_BYTES_MAX / 2)
  })

  it('serves where its address is not there yet, and rejects where the port is taken', async () => {
    const options = { self: 'a', newestVersion: 2, log }
    const absent = createPeerNetwork({ ...options, listen: { host: '192.0.2.1', port: 0 } })
    cleanups.push(() => absent.close())
    await absent.start()
    expect(absent.port()).toBe(0)

    const { b } = await pair(() => undefined)
    const taken = createPeerNetwork({ ...options, listen: { host: '127.0.0.1', port: b.port() } })
    cleanups.push(() => taken.close())
    await expect(taken.start()).rejects.toThrow('EADDRINUSE')
  })

  it('loses frames whole on a link that loses some', async () => {
    let count = 0
    const third = (): boolean => ++count % 3 === 0
    const { world } = await pair((_from, _channel, frame) => {
      // Longer than a chunk of the socket, and each byte says which frame it is of.
      expect(frame.length).toBe(FRAME_BYTES)
      expect(frame.every((byte) => byte === frame[0])).toBe(true)
      got.push(frame[0] as number)
    })
    const got: number[] = []
    const FRAME_BYTES = 200_000
    let lossy = false
    const faults = { isMute: () => lossy && third(), stop: () => undefined }
    const a = await world.start('a', () => undefined, VERSIONS.newest, { faults })
    await opened(a, 'b')
    lossy = true
    for (let i = 0; i < 60; i++) a.send('b', 'ask', new Uint8Array(FRAME_BYTES).fill(i))
    lossy = false
    a.send('b', 'ask', new Uint8Array(FRAME_BYTES).fill(255))
    await expect.poll(() => got.at(-1)).toBe(255)
    expect(got.length).toBe(41)
  })

  it('finds frames again on a link that was mute in the middle of one', async () => {
    const got: number[] = []
    let mute = false
    const world = new PeerWorld()
    cleanups.push(() => world.dispose())
    await world.start(
      'b',
      (_from, _channel, frame) => void got.push(frame.length),
      VERSIONS.newest,
      {
        faults: { isMute: (_peer, direction) => direction === 'in' && mute, stop: () => undefined },
      },
    )
    const socket = connect(await world.port('b'), '127.0.0.1')
    cleanups.push(() => void socket.destroy())
    socket.resume()
    socket.write(introduction('a', 'b', 'cluster'))
    const send = (...bytes: number[]): Promise<unknown> =>
      new Promise((done) => {
        socket.write(Uint8Array.from(bytes), done)
      })
    await send(1, 0, 0, 0, 7)
    await expect.poll(() => got).toEqual([1])
    mute = true
    await send(3, 0, 0, 0, 7)
    await settled()
    mute = false
    await send(7, 7, 2, 0, 0, 0, 7, 7)
    await expect.poll(() => got.at(-1)).toBe(2)
  })

  it('gives up a link that is mute, although its connection stays open, and opens it when it is heard again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-links-'))
    cleanups.push(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'links.json')
    const { world } = await pair(() => undefined)
    const a = await world.start('a', () => undefined, VERSIONS.newest, {
      faults: watchLinkFaults(file, log),
    })
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
      { id: 'x', peer: 'b', direction: 'both', lossPercent: 100, untilMs: Date.now() + 600_000 },
    ])
    await heard.promise
    expect(states).toEqual([false, true])
  })
})

/** A server that takes any upgrade under the name of `id`, and then never reads. */
async function answering(
  port: number,
  id: string,
  versions = `quorate-versions: ${VERSIONS.oldest}-${VERSIONS.newest}\r\n`,
): Promise<void> {
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.once('data', () => {
      socket.pause()
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: quorate-peer/1\r\n' +
          `quorate-from: ${id}\r\n${versions}\r\n`,
      )
    })
    socket.on('error', () => undefined)
  })
  const sockets: Socket[] = []
  servers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

const servers: (() => void)[] = []
afterEach(() => {
  for (const stop of servers.splice(0)) stop()
})

/** What was sent to another socket of this process has been read. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((next) => setImmediate(next))
}

function introduction(from: string, to: string, cluster: string): Buffer {
  return Buffer.from(
    'GET /v1/peer HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: quorate-peer/1\r\n' +
      `quorate-versions: ${VERSIONS.oldest}-${VERSIONS.newest}\r\n` +
      `quorate-from: ${from}\r\nquorate-to: ${to}\r\nquorate-cluster: ${cluster}\r\n\r\n`,
  )
}
