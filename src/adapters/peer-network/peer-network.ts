/**
 * The network port over HTTP upgrades: a Fastify server on the peer port takes the other nodes' connections,
 * and a dialer for each peer keeps this node's own. Asks go out on the own connection, and come in on theirs;
 * answers take the way back.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import Fastify, { type FastifyInstance } from 'fastify'

import type { Log } from '../../ports/log.ts'
import type { Channel, Network, PeerAddress } from '../../ports/network.ts'
import { Dialer } from './dialer.ts'
import { headerOf, PROTOCOL, refusalOf } from './handshake.ts'
import { Link } from './link.ts'
import { type LinkFaults, NO_FAULTS } from './link-faults.ts'
import { listen, type Listener } from './listener.ts'

export interface PeerNetworkOptions {
  readonly self: string
  /** Asked at each handshake, because it is known only after the disk has been read. */
  readonly clusterId: () => string
  readonly listen: { readonly host: string; readonly port: number }
  readonly log: Log
  readonly faults?: LinkFaults
}

const HANDSHAKE_TIMEOUT_MS = 5000

/** `port()` is the one listened on; useful where the settings say 0. */
export function createPeerNetwork(options: PeerNetworkOptions): Network & { port(): number } {
  return new PeerNetwork(options)
}

class PeerNetwork implements Network {
  readonly #options: PeerNetworkOptions
  readonly #faults: LinkFaults
  readonly #dialers = new Map<string, Dialer>()
  readonly #inbound = new Map<string, Link>()
  #peers = new Map<string, PeerAddress>()
  #http: FastifyInstance | undefined
  #listener: Listener | undefined
  #started = false
  #takeFrame: (from: string, channel: Channel, frame: Uint8Array) => void = () => undefined
  #takeLink: (peer: string, open: boolean) => void = () => undefined

  constructor(options: PeerNetworkOptions) {
    this.#options = options
    this.#faults = options.faults ?? NO_FAULTS
  }

  send(to: string, channel: Channel, frame: Uint8Array): boolean {
    if (channel === 'ask') return this.#dialers.get(to)?.send(frame) ?? false
    return this.#inbound.get(to)?.send(frame) ?? false
  }

  isOpen(to: string): boolean {
    return this.#dialers.get(to)?.isOpen ?? false
  }

  onFrame(listener: (from: string, channel: Channel, frame: Uint8Array) => void): void {
    this.#takeFrame = listener
  }

  onLink(listener: (peer: string, open: boolean) => void): void {
    this.#takeLink = listener
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.#peers = new Map(peers.map((peer) => [peer.id, peer]))
    if (this.#started) this.#matchDialers()
  }

  async start(): Promise<void> {
    await this.#listen()
    this.#started = true
    this.#matchDialers()
  }

  port(): number {
    return this.#listener?.port() ?? 0
  }

  async close(): Promise<void> {
    this.#faults.stop()
    this.#listener?.close()
    for (const dialer of this.#dialers.values()) dialer.stop()
    for (const link of this.#inbound.values()) link.close('this node is stopping')
    this.#http?.server.closeAllConnections()
    await this.#http?.close()
  }

  async #listen(): Promise<void> {
    const { listen: address, log } = this.#options
    const http = Fastify({ logger: false, requestTimeout: HANDSHAKE_TIMEOUT_MS })
    http.server.headersTimeout = HANDSHAKE_TIMEOUT_MS
    http.server.on('upgrade', (request, socket, head) => this.#accept(request, socket, head))
    await http.ready()
    this.#http = http
    // The HTTP server never listens itself: it is handed the connections, whatever address they came to.
    const accept = (socket: Socket): void => void http.server.emit('connection', socket)
    this.#listener = await listen({ ...address, accept, log })
  }

  #matchDialers(): void {
    for (const [id, dialer] of this.#dialers) {
      if (this.#peers.get(id)?.url === dialer.peer.url) continue
      this.#dialers.delete(id)
      dialer.stop()
    }
    for (const peer of this.#peers.values()) {
      if (this.#dialers.has(peer.id)) continue
      const { self: from, clusterId, log } = this.#options
      const introduce = () => ({ from, to: peer.id, clusterId: clusterId() })
      const handler = {
        frame: (frame: Uint8Array) => this.#takeFrame(peer.id, 'answer', frame),
        link: (open: boolean) => this.#takeLink(peer.id, open),
        isMute: () => this.#faults.isMute(peer.id, 'out'),
      }
      this.#dialers.set(peer.id, new Dialer(peer, introduce, handler, log))
    }
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Before anything else: an error on a socket nobody listens to would end the process.
    socket.on('error', () => socket.destroy())
    const { self: from, clusterId, log } = this.#options
    const identity = { from, clusterId: clusterId() }
    const refusal = refusalOf(request.headers, request.url, identity, (id) => this.#peers.has(id))
    const peer = headerOf(request.headers, 'quorate-from')
    if (refusal !== undefined) {
      log.warn({ peer, refusal }, 'refused a peer')
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${refusal}\n`,
      )
      return
    }
    if (this.#faults.isMute(peer, 'in')) {
      socket.destroy()
      return
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${PROTOCOL}\r\nquorate-from: ${from}\r\n\r\n`,
    )
    // A peer that dials again has given up its old connection, whether that has noticed or not.
    this.#inbound.get(peer)?.close('replaced by a new connection')
    const link = new Link(socket, head, {
      frame: (frame) => this.#takeFrame(peer, 'ask', frame),
      isMute: () => this.#faults.isMute(peer, 'in'),
      closed: () => {
        if (this.#inbound.get(peer) === link) this.#inbound.delete(peer)
      },
    })
    this.#inbound.set(peer, link)
  }
}
