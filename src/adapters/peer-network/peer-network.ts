/**
 * The network port over HTTP upgrades. A Fastify server on the peer port accepts the connections of other nodes, and a
 * dialer for each peer keeps the connection that this node opens. This node sends its asks on its own connection, and
 * receives a peer's asks on the peer's connection. An answer returns on the connection of its ask.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

import Fastify, { type FastifyInstance } from 'fastify'

import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Log } from '../../ports/log.ts'
import type {
  Channel,
  Credentials,
  Doorkeeper,
  Network,
  PeerAddress,
  PeerRefusal,
  Refusal,
  VersionRange,
} from '../../ports/network.ts'
import { Dialer } from './dialer.ts'
import {
  answerHeaders,
  commonVersion,
  credentialsIn,
  headerOf,
  JOIN_PATH,
  PEER_PATH,
  PROTOCOL,
  refusalAnswer,
  refusalHeaders,
  refusalOf,
  shown,
  versionsIn,
} from './handshake.ts'
import { FRAME_BYTES_MAX_2 } from './frame-stream.ts'
import { type Inbound, InboundLinks } from './inbound-links.ts'
import { type Admit, JoinDesk } from './join-desk.ts'
import { Link } from './link.ts'
import { type LinkFaults, NO_FAULTS } from '../chaos/link-faults.ts'
import { listen, type Listener } from './listener.ts'
import { MEMBERSHIP_PATH, type Membership } from './membership-request.ts'
import { Newcomers } from './newcomers.ts'
import { createPeerLookup } from './peer-lookup.ts'
import { nameRefusal, type PeerTls } from './peer-tls.ts'
import { SecureDoor } from './secure-door.ts'

export interface PeerNetworkOptions {
  readonly self: string
  /** The newest version of the protocol that this node speaks. */
  readonly newestVersion: number
  readonly listen: { readonly host: string; readonly port: number }
  readonly log: Log
  readonly faults?: LinkFaults
  /** Answers a node that asks to become a member; without it nobody can join. */
  readonly admit?: Admit
  /** TLS between nodes; without it links are not encrypted. */
  readonly tls?: PeerTls | undefined
  /** How long links that peers opened may stay open after the CA has changed. */
  readonly oldCaMs?: number
}

/** For how many peers the last refusal is remembered, so that each refusal is logged once. */
const REFUSED_MAX = 100
/** The first version whose nodes send more credentials than the founding id. */
const CREDENTIALS_VERSION = 3
const OPEN_DOOR: Doorkeeper = {
  introduce: () => ({ founding: '' }),
  judge: () => undefined,
  welcome: () => Promise.resolve(),
}
const TOO_OLD = 'a newer version of the protocol is needed from now on'
const JOIN_BYTES_MAX = 4096
/** Longer than peers try to move their links to new connections (dialer.ts). */
const OLD_CA_MS = 40_000
const NEW_CA = 'the CA of the peers has changed'

export interface BoundNetwork extends Network {
  /** The actual port, for settings that say 0. */
  port(): number
  /** How many open links are not encrypted, in both directions. */
  plainLinks(): number
}

export function createPeerNetwork(options: PeerNetworkOptions): BoundNetwork {
  return new PeerNetwork(options)
}

class PeerNetwork implements BoundNetwork {
  readonly #options: PeerNetworkOptions
  readonly #faults: LinkFaults
  readonly #dialers = new Map<string, Dialer>()
  readonly #inbound = new InboundLinks()
  readonly #newcomers = new Newcomers()
  readonly #joinDesk: JoinDesk
  readonly #lookup = createPeerLookup()
  readonly #refused = new Map<string, string>()
  #peers = new Map<string, PeerAddress>()
  #oldestVersion = VERSIONS.oldest
  #http: FastifyInstance | undefined
  #listener: Listener | undefined
  #running = false
  #isClosed = false
  #oldCaTimer: NodeJS.Timeout | undefined
  #takeFrame: (from: string, channel: Channel, frame: Uint8Array) => void = () => undefined
  #takeLink: (peer: string, open: boolean) => void = () => undefined
  #takeRefusal: (refusal: PeerRefusal) => void = () => undefined
  #doorkeeper = OPEN_DOOR
  #takeExcluded: (peer: string, document: string) => void = () => undefined
  #membership: Membership = { epoch: 0, document: '' }

  constructor(options: PeerNetworkOptions) {
    this.#options = options
    this.#faults = options.faults ?? NO_FAULTS
    const { self, admit, log } = options
    const versions = (): VersionRange => this.#versions()
    this.#joinDesk = new JoinDesk({ self, admit, log, versions, newcomers: this.#newcomers })
    options.tls?.certificates.onChange((_material, isNewCa) => {
      if (isNewCa && this.#running) this.#renewLinks()
    })
  }

  send(to: string, channel: Channel, frame: Uint8Array): boolean {
    if (frame.length > FRAME_BYTES_MAX_2 && this.versionOf(to, channel) === 2) return false
    if (channel === 'ask') return this.#dialers.get(to)?.send(frame) ?? false
    return this.#inbound.get(to)?.link.send(frame) ?? false
  }

  versionOf(to: string, channel: Channel): number | undefined {
    return (channel === 'ask' ? this.#dialers : this.#inbound).get(to)?.version
  }

  isOpen(to: string): boolean {
    return this.#dialers.get(to)?.isOpen ?? false
  }

  isLinked(peer: string): boolean {
    return this.isOpen(peer) || this.#inbound.has(peer)
  }

  onFrame(listener: (from: string, channel: Channel, frame: Uint8Array) => void): void {
    this.#takeFrame = listener
  }

  onLink(listener: (peer: string, open: boolean) => void): void {
    this.#takeLink = listener
  }

  setDoorkeeper(doorkeeper: Doorkeeper): void {
    this.#doorkeeper = doorkeeper
  }

  onRefusal(listener: (refusal: PeerRefusal) => void): void {
    this.#takeRefusal = listener
  }

  setPeers(peers: readonly PeerAddress[], oldestVersion = VERSIONS.oldest): void {
    const others = peers.filter(({ id }) => id !== this.#options.self)
    this.#peers = new Map(others.map((peer) => [peer.id, peer]))
    this.#oldestVersion = oldestVersion
    for (const [id, { version }] of this.#inbound.entries()) {
      if (!this.#peers.has(id)) this.#inbound.close(id, 'it is no longer a peer')
      else if (version < oldestVersion) this.#inbound.close(id, TOO_OLD)
    }
    for (const dialer of this.#dialers.values()) {
      // The dialer dials again, and both nodes then see why there is no link.
      if (dialer.version !== undefined && dialer.version < oldestVersion) dialer.hangUp(TOO_OLD)
    }
    if (this.#running) this.#matchDialers()
  }

  showMembership(epoch: number, document: string): void {
    this.#membership = { epoch, document }
  }

  onExcluded(listener: (peer: string, document: string) => void): void {
    this.#takeExcluded = listener
  }

  async start(): Promise<void> {
    await this.#listen()
    this.#running = true
    this.#matchDialers()
  }

  port(): number {
    return this.#listener?.port() ?? 0
  }

  plainLinks(): number {
    const links = [...this.#dialers.values(), ...this.#inbound.values()]
    return links.filter(({ isPlain }) => isPlain).length
  }

  async close(): Promise<void> {
    this.#running = false
    this.#isClosed = true
    this.#faults.stop()
    clearTimeout(this.#oldCaTimer)
    this.#listener?.close()
    for (const dialer of this.#dialers.values()) dialer.stop()
    for (const link of this.#inbound.links()) link.end('this node is stopping')
    this.#newcomers.close()
    await this.#http?.close()
  }

  async #listen(): Promise<void> {
    const { listen: address, log, tls } = this.#options
    const http = Fastify({ logger: false })
    http.get(PEER_PATH, async (request, reply) => {
      const refusal = this.#refusalOf(request.headers, request.raw.url, request.raw.socket)
      const reason = refusal === undefined ? {} : refusalHeaders(refusal)
      return reply
        .code(426)
        .headers({ connection: 'close', upgrade: PROTOCOL, ...reason })
        .send(refusal?.message ?? `ask for an upgrade to ${PROTOCOL}`)
    })
    http.get(MEMBERSHIP_PATH, async ({ headers, raw }, reply) => {
      reply.headers({ connection: 'close' })
      const isCut = this.#faults.isMute(headerOf(headers, 'quorate-from'), 'in')
      const refusal = this.#refusalOf(headers, PEER_PATH, raw.socket)
      if (isCut || refusal?.reason !== 'not_a_member') {
        return reply.code(403).send('only a node that is no member is told so')
      }
      return reply.type('application/json').send(this.#membership.document)
    })
    http.post(JOIN_PATH, { bodyLimit: JOIN_BYTES_MAX }, async (request, reply) => {
      const { status, text } = await this.#joinDesk.answer(request)
      const type = status === 200 ? 'application/json' : 'text/plain'
      return reply.code(status).headers({ connection: 'close' }).type(type).send(text)
    })
    http.server.on('upgrade', (request, socket, head) => {
      void this.#accept(request, socket, head)
    })
    await http.ready()
    this.#http = http
    // The HTTP server never listens itself: it gets the connections of every address from the listener. Its own
    // timeouts therefore do not run, and newcomers.ts enforces the timeout of the handshake.
    const serve = (socket: Socket): void => void http.server.emit('connection', socket)
    const newcomers = this.#newcomers
    const refused = this.#tellStranger.bind(this)
    const door = tls && new SecureDoor({ tls, newcomers, accept: serve, refused })
    const accept = (socket: Socket): void => {
      newcomers.admit(socket)
      if (door === undefined) serve(socket)
      else door.take(socket)
    }
    this.#listener = await listen({ ...address, accept, log })
  }

  #versions(): VersionRange {
    return { oldest: this.#oldestVersion, newest: this.#options.newestVersion }
  }

  /** With an older protocol version, this node sends only the credentials of that version. */
  #credentials(): Credentials {
    const credentials = this.#doorkeeper.introduce()
    const isOld = this.#options.newestVersion < CREDENTIALS_VERSION
    return isOld ? { founding: credentials.founding } : credentials
  }

  #matchDialers(): void {
    for (const [id, dialer] of this.#dialers) {
      if (this.#peers.get(id)?.url === dialer.peer.url) continue
      this.#dialers.delete(id)
      dialer.stop()
    }
    for (const peer of this.#peers.values()) {
      if (this.#dialers.has(peer.id)) continue
      const { self: from, log, tls } = this.#options
      const to = peer.id
      const introduce = () => ({
        from,
        to,
        credentials: this.#credentials(),
        versions: this.#versions(),
      })
      const handler = {
        frame: (frame: Uint8Array) => this.#takeFrame(peer.id, 'answer', frame),
        link: (open: boolean) => this.#takeLink(peer.id, open),
        refused: (by: 'self' | 'peer', refusal: Refusal) =>
          this.#takeRefusal({ peer: peer.id, by, ...refusal }),
        isMute: () => this.#faults.isMute(peer.id, 'out'),
        excluded: (document: string) => this.#takeExcluded(peer.id, document),
      }
      const doorkeeper = (): Doorkeeper => this.#doorkeeper
      const epoch = (): number => this.#membership.epoch
      const dialing = { peer, introduce, doorkeeper, epoch, lookup: this.#lookup, tls, log }
      this.#dialers.set(peer.id, new Dialer(dialing, handler))
    }
  }

  async #accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const peer = headerOf(request.headers, 'quorate-from')
    const theirs = credentialsIn(request.headers)
    let refusal = this.#refusalOf(request.headers, request.url, socket)
    // A cut link gives no answer. The timeout of newcomers closes the connection.
    if (refusal === undefined && this.#faults.isMute(peer, 'in')) return
    if (refusal === undefined) {
      await this.#doorkeeper.welcome(peer, theirs, false)
      if (socket.destroyed || this.#isClosed) return
      refusal = this.#refusalOf(request.headers, request.url, socket)
    }
    const own = this.#versions()
    const version = commonVersion(own, versionsIn(request.headers))
    if (refusal !== undefined || version === undefined) {
      socket.end(refusalAnswer(refusal))
      if (refusal !== undefined) this.#tellRefusal(shown(peer), refusal)
      return
    }
    this.#open(peer, { version, life: theirs.life }, socket, head)
  }

  #open(
    peer: string,
    theirs: Pick<Inbound, 'version' | 'life'>,
    socket: Duplex,
    head: Buffer,
  ): void {
    const { self, log } = this.#options
    this.#newcomers.settle(socket)
    this.#refused.delete(peer)
    const answer = { from: self, credentials: this.#credentials(), versions: this.#versions() }
    const headers = Object.entries({
      connection: 'upgrade',
      upgrade: PROTOCOL,
      ...answerHeaders(answer),
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`)
    const link = new Link(socket, head, {
      heard: () => this.#inbound.heard(peer, inbound),
      frame: (frame) => this.#takeFrame(peer, 'ask', frame),
      isMute: () => this.#faults.isMute(peer, 'in'),
      closed: (reason) => {
        this.#inbound.forget(peer, link)
        if (this.#running) log.info({ peer, reason }, 'link of a peer is closed')
      },
    })
    const inbound = { link, isPlain: !(socket instanceof TLSSocket), ...theirs }
    this.#inbound.add(peer, inbound)
  }

  /** Connections that the former CA vouched for must end. The peers' links end later, because their nodes renew them. */
  #renewLinks(): void {
    this.#newcomers.close()
    for (const dialer of this.#dialers.values()) dialer.renew(NEW_CA)
    const old = new Set(this.#inbound.links())
    const { oldCaMs = OLD_CA_MS } = this.#options
    clearTimeout(this.#oldCaTimer)
    this.#oldCaTimer = setTimeout(() => {
      for (const link of old) link.close(NEW_CA)
    }, oldCaMs)
  }

  #refusalOf(
    headers: IncomingHttpHeaders,
    path: string | undefined,
    socket: Duplex,
  ): Refusal | undefined {
    const self = { from: this.#options.self, versions: this.#versions() }
    const judge = (from: string, theirs: Credentials): Refusal | undefined =>
      this.#doorkeeper.judge(from, theirs, false)
    const isPeer = (id: string): boolean => this.#peers.has(id)
    const refusal = refusalOf(headers, path, self, judge, isPeer)
    // A name that the certificate does not have is told nothing about the cluster.
    const wrongName = nameRefusal(socket, headerOf(headers, 'quorate-from'))
    if (wrongName !== undefined && refusal?.reason !== 'protocol') return wrongName
    const { epoch } = this.#credentials()
    return refusal && { ...refusal, ...(epoch === undefined ? {} : { epoch }) }
  }

  /** Logs a repeated refusal once, because a refused peer tries again twice a second. */
  #tellRefusal(peer: string, refusal: Refusal): void {
    const { reason, message } = refusal
    // A connection that names no node does not count as a peer.
    if (reason !== 'protocol' && peer !== '') this.#takeRefusal({ peer, by: 'self', ...refusal })
    if (!this.#isNews(peer, message)) return
    this.#options.log.warn({ peer, reason, refusal: message }, 'refused a peer')
  }

  /** The same for a connection that was refused before it named a node. */
  #tellStranger(address: string, { reason, message }: Refusal): void {
    if (reason !== 'protocol') this.#takeRefusal({ peer: address, by: 'self', reason, message })
    if (!this.#isNews(address, message)) return
    this.#options.log.warn({ address, reason, refusal: message }, 'refused a connection of a peer')
  }

  #isNews(end: string, message: string): boolean {
    if (this.#refused.get(end) === message) return false
    if (this.#refused.size >= REFUSED_MAX) this.#refused.clear()
    this.#refused.set(end, message)
    return true
  }
}
