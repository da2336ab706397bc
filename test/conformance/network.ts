/** Tests what every network between nodes must do (src/ports/network.ts), however it carries frames. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VERSIONS } from '../../src/core/protocol-versions.ts'
import type { Channel, Network } from '../../src/ports/network.ts'

export interface NetworkWorld {
  /**
   * Starts the network of a node. All nodes that are started, now or later, are its peers. It speaks versions up to
   * `newestVersion`.
   */
  start(id: string, listener: FrameListener, newestVersion?: number): Promise<Network>
  urlOf(id: string): Promise<string>
  /** Closes everything that is still open. */
  dispose(): Promise<void>
}

export type FrameListener = (from: string, channel: Channel, frame: Uint8Array) => void

const frameOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (frame: Uint8Array): string => new TextDecoder().decode(frame)

export function networkConformance(name: string, makeWorld: () => NetworkWorld): void {
  describe(`network conformance: ${name}`, () => {
    let world: NetworkWorld
    beforeEach(() => {
      world = makeWorld()
    })
    afterEach(() => world.dispose())

    it('carries asks one way and answers back, whole and in order', async () => {
      const got: string[] = []
      const ended = Promise.withResolvers<void>()
      const a = await world.start('a', (from, channel, frame) => {
        got.push(`${from} ${channel} ${textOf(frame)}`)
        if (got.length === 100) ended.resolve()
      })
      const b: Network = await world.start('b', (from, channel, frame) => {
        expect(channel).toBe('ask')
        b.send(from, 'answer', frame)
      })
      await opened(a, 'b')
      for (let i = 0; i < 100; i++) expect(a.send('b', 'ask', frameOf(`frame ${i}`))).toBe(true)
      await ended.promise
      expect(got).toEqual(Array.from({ length: 100 }, (_, i) => `b answer frame ${i}`))
    })

    it('carries frames of one byte and of megabytes', async () => {
      const sizes: number[] = []
      const ended = Promise.withResolvers<void>()
      const a = await world.start('a', () => undefined)
      await world.start('b', (_from, _channel, frame) => {
        sizes.push(frame.length)
        expect(frame.every((byte) => byte === frame.length % 251)).toBe(true)
        if (sizes.length === 3) ended.resolve()
      })
      await opened(a, 'b')
      for (const size of [1, 5_000_000, 70_000])
        a.send('b', 'ask', new Uint8Array(size).fill(size % 251))
      await ended.promise
      expect(sizes).toEqual([1, 5_000_000, 70_000])
    })

    it('speaks on both links of a pair the newest version that both know', async () => {
      const a = await world.start('a', () => undefined, VERSIONS.newest)
      expect([a.versionOf('b', 'ask'), a.versionOf('b', 'answer')]).toEqual([undefined, undefined])
      const old = await world.start('b', () => undefined, VERSIONS.oldest)
      await opened(a, 'b')
      await opened(old, 'a')
      for (const network of [a, old]) {
        const peer = network === a ? 'b' : 'a'
        expect(network.versionOf(peer, 'ask')).toBe(VERSIONS.oldest)
        expect(network.versionOf(peer, 'answer')).toBe(VERSIONS.oldest)
      }
      const closed = changed(a, 'b', false)
      await old.close()
      await closed
      expect(a.versionOf('b', 'ask')).toBe(undefined)
      const upgraded = await world.start('b', () => undefined, VERSIONS.newest)
      await opened(a, 'b')
      await opened(upgraded, 'a')
      expect([a.versionOf('b', 'ask'), a.versionOf('b', 'answer')]).toEqual([
        VERSIONS.newest,
        VERSIONS.newest,
      ])
    })

    it('says that a frame was not sent where there is no link', async () => {
      const a = await world.start('a', () => undefined)
      expect(a.isOpen('b')).toBe(false)
      expect(a.send('b', 'ask', frameOf('lost'))).toBe(false)
      expect(a.send('b', 'answer', frameOf('lost'))).toBe(false)
      expect(a.send('stranger', 'ask', frameOf('lost'))).toBe(false)
    })

    it('tells when a link closes, and opens it again when the peer is back', async () => {
      const a = await world.start('a', () => undefined)
      const b = await world.start('b', () => undefined)
      await opened(a, 'b')
      const closed = changed(a, 'b', false)
      await b.close()
      await closed
      expect(a.isOpen('b')).toBe(false)
      const back = changed(a, 'b', true)
      await world.start('b', () => undefined)
      await back
      expect(a.isOpen('b')).toBe(true)
    })

    it('closes a link whose receiver finds garbage in it, and opens it again', async () => {
      const a = await world.start('a', () => undefined)
      await world.start('b', () => {
        throw new Error('not a message')
      })
      await opened(a, 'b')
      const closed = changed(a, 'b', false)
      a.send('b', 'ask', frameOf('garbage'))
      await closed
      await opened(a, 'b')
    })

    it('closes the link to a peer that is no longer in the list', async () => {
      const a = await world.start('a', () => undefined)
      await world.start('b', () => undefined)
      await opened(a, 'b')
      const closed = changed(a, 'b', false)
      a.setPeers([])
      await closed
      expect(a.isOpen('b')).toBe(false)
      expect(a.send('b', 'ask', frameOf('lost'))).toBe(false)
    })

    it('closes the links to a peer that speaks a version too old', async () => {
      const a = await world.start('a', () => undefined, VERSIONS.newest)
      const b = await world.start('b', () => undefined, VERSIONS.oldest)
      await opened(a, 'b')
      await opened(b, 'a')
      const closed = [changed(a, 'b', false), changed(b, 'a', false)]
      a.setPeers([{ id: 'b', url: await world.urlOf('b') }], VERSIONS.newest)
      await Promise.all(closed)
      expect([a.isOpen('b'), b.isOpen('a')]).toEqual([false, false])
      await b.close()
      await world.start('b', () => undefined, VERSIONS.newest)
      await opened(a, 'b')
      expect(a.versionOf('b', 'ask')).toBe(VERSIONS.newest)
    })

    it('closes twice', async () => {
      const a = await world.start('a', () => undefined)
      await a.close()
      await a.close()
    })
  })
}

/** Waits for a change of a link. The network has one listener for links, and each wait replaces it. */
function changed(network: Network, peer: string, open: boolean): Promise<void> {
  return new Promise((resolve) => {
    network.onLink((id, state) => {
      if (id === peer && state === open) resolve()
    })
  })
}

export async function opened(network: Network, peer: string): Promise<void> {
  const opening = changed(network, peer, true)
  if (!network.isOpen(peer)) await opening
}
