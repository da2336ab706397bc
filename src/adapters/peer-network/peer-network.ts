/**
 * The network port over HTTP upgrades: a Fastify server on the peer port takes the other nodes' connections,
 * and a dialer for each peer keeps this node's own. Asks go out on the own connection, and come in on theirs;
 * answers take the way back.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'

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
  parseVersions,
  PEER_PATH,
  PROTOCOL,
  refusalHeaders,
  refusalOf,
  shown,
  versionsIn,
  versionsText,
} from './handshake.ts'
import { FRAME_BYTES_MAX_2 } from './frame-stream.ts'
import { Link } from './link.ts'
import { type LinkFaults, NO_FAULTS } from '../chaos/link-faults.ts'
import { listen, type Listener } from './listener.ts'
import { MEMBERSHIP_PATH, type Membership } from './membership-request.ts'
import { Newcomers } from './newcomers.ts'
import { createPeerLookup } from './peer-lookup.ts'

export interface PeerNetworkOptions {
  readonly self: string
  /** Of the protocol, that this node speaks. */
  readonly newestVersion: number
  readonly listen: { readonly host: string; readonly port: number }
  readonly log: Log
  readonly faults?: LinkFaults
  /** Answers a node that asks to become a member; `asked` is a JSON object, and nothing in it is checked. */
  readonly admit?: Admit
}

export type Admit = (
  asked: Readonly<Record<string, unknown>>,
) => Promise<{ readonly status: number; readonly text: string }>

/** Peers whose last refusal is remembered, so that each is told once. */
const REFUSED_MAX = 100
/** The first version whose nodes say more of themselves than the founding id. */
const CREDENTIALS_VERSION = 3
const OPEN_DOOR: Doorkeeper = {
  introduce: () => ({ founding: '' }),
  judge: () => undefined,
  welcome: () => Promise.resolve(),
}
const TOO_OLD = 'a newer version of the protocol is needed from now on'
const JOIN_BYTES_MAX = 4096
/** Nodes that ask to join at once: more have to come again. */
const JOINS_MAX = 4
/** For a decision of the cluster; then the connection is closed. */
const JOIN_TIMEOUT_MS = 15_000

/** `port()` is the one listened on; useful where the settings say 0. */
export function createPeerNetwork(options: PeerNetworkOptions): Network & { port(): number } {
  return new PeerNetwork(options)
}

/** The link that a peer has opened, and the version of the protocol on it. */
interface Inbound {
  readonly link: Link
  readonly version: number
}

class PeerNetwork implements Network {
  readonly #options: PeerNetworkOptions
  readonly #faults: LinkFaults
  readonly #dialers = new Map<string, Dialer>()
  readonly #inbound = new Map<string, Inbound>()
  readonly #newcomers = new Newcomers()
  readonly #lookup = createPeerLookup()
  readonly #refused = new Map<string, string>()
  #peers = new Map<string, PeerAddress>()
  #oldestVersion = VERSIONS.oldest
  #http: FastifyInstance | undefined
  #listener: Listener | undefined
  #running = false
  #isClosed = false
  #joins = 0
  #takeFrame: (from: string, channel: Channel, frame: Uint8Array) => void = () => undefined
  #takeLink: (peer: string, open: boolean) => void = () => undefined
  #takeRefusal: (refusal: PeerRefusal) => void = () => undefined
  #doorkeeper = OPEN_DOOR
  #takeExcluded: (peer: string, document: string) => void = () => undefined
  #membership: Membership = { epoch: 0, document: '' }

  constructor(options: PeerNetworkOptions) {
    this.#options = options
    this.#faults = options.faults ?? NO_FAULTS
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
    for (const [id, { link, version }] of this.#inbound) {
      if (!this.#peers.has(id)) link.close('it is no longer a peer')
      else if (version < oldestVersion) link.close(TOO_OLD)
    }
    for (const dialer of this.#dialers.values()) {
      // It dials again, and both are told why there is no link.
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

  async close(): Promise<void> {
    this.#running = false
    this.#isClosed = true
    this.#faults.stop()
    this.#listener?.close()
    for (const dialer of this.#dialers.values()) dialer.stop()
    for (const { link } of this.#inbound.values()) link.close('this node is stopping')
    this.#newcomers.close()
    await this.#http?.close()
  }

  async #listen(): Promise<void> {
    const { listen: address, log } = this.#options
    const http = Fastify({ logger: false })
    http.get(PEER_PATH, async (request, reply) => {
      const refusal = this.#refusalOf(request.headers, request.raw.url)
      const reason = refusal === undefined ? {} : refusalHeaders(refusal)
      return reply
        .code(426)
        .headers({ connection: 'close', upgrade: PROTOCOL, ...reason })
        .send(refusal?.message ?? `ask for an upgrade to ${PROTOCOL}`)
    })
    http.get(MEMBERSHIP_PATH, async ({ headers }, reply) => {
      reply.headers({ connection: 'close' })
      const isCut = this.#faults.isMute(headerOf(headers, 'quorate-from'), 'in')
      if (isCut || this.#refusalOf(headers, PEER_PATH)?.reason !== 'not_a_member') {
        return reply.code(403).send('only a node that is no member is told so')
      }
      return reply.type('application/json').send(this.#membership.document)
    })
    http.post(JOIN_PATH, { bodyLimit: JOIN_BYTES_MAX }, async (request, reply) => {
      const { status, text } = await this.#admit(request)
      const type = status === 200 ? 'application/json' : 'text/plain'
      return reply.code(status).headers({ connection: 'close' }).type(type).send(text)
    })
    http.server.on('upgrade', (request, socket, head) => {
      void this.#accept(request, socket, head)
    })
    await http.ready()
    this.#http = http
    // The HTTP server never listens itself: it is handed the connections, whatever address they came to.
    // So its own timeouts do not run, and newcomers.ts has the one that counts.
    const accept = (socket: Socket): void => {
      this.#newcomers.admit(socket)
      http.server.emit('connection', socket)
    }
    this.#listener = await listen({ ...address, accept, log })
  }

  #versions(): VersionRange {
    return { oldest: this.#oldestVersion, newest: this.#options.newestVersion }
  }

  /** Who speaks an older version says no more than it did. */
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
      const { self: from, log } = this.#options
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
      const dialing = { peer, introduce, doorkeeper, epoch, lookup: this.#lookup, log }
      this.#dialers.set(peer.id, new Dialer(dialing, handler))
    }
  }

  async #accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const peer = headerOf(request.headers, 'quorate-from')
    const theirs = credentialsIn(request.headers)
    let refusal = this.#refusalOf(request.headers, request.url)
    // A cut network does not answer; the deadline of newcomers closes the connection.
    if (refusal === undefined && this.#faults.isMute(peer, 'in')) return
    if (refusal === undefined) {
      await this.#doorkeeper.welcome(peer, theirs, false)
      if (socket.destroyed || this.#isClosed) return
      refusal = this.#refusalOf(request.headers, request.url)
    }
    const own = this.#versions()
    const version = commonVersion(own, versionsIn(request.headers))
    if (refusal !== undefined || version === undefined) {
      refuse(socket, refusal)
      if (refusal !== undefined) this.#tellRefusal(shown(peer), refusal)
      return
    }
    this.#open(peer, version, socket, head)
  }

  #open(peer: string, version: number, socket: Duplex, head: Buffer): void {
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
    // A peer that dials again has given up its old connection, whether that has noticed or not.
    this.#inbound.get(peer)?.link.close('replaced by a new connection')
    const link = new Link(socket, head, {
      frame: (frame) => this.#takeFrame(peer, 'ask', frame),
      isMute: () => this.#faults.isMute(peer, 'in'),
      closed: (reason) => {
        if (this.#inbound.get(peer)?.link === link) this.#inbound.delete(peer)
        if (this.#running) log.info({ peer, reason }, 'link of a peer is closed')
      },
    })
    this.#inbound.set(peer, { link, version })
  }

  async #admit({ raw, body }: FastifyRequest): Promise<{ status: number; text: string }> {
    const { self, admit, log } = this.#options
    if (admit === undefined) return { status: 403, text: `${self} lets nobody join` }
    if (typeof body !== 'object' || body === null) {
      return { status: 400, text: 'the body must be a JSON object' }
    }
    const { protocol, versions: spoken, ...asked } = body as Record<string, unknown>
    if (protocol !== PROTOCOL) {
      const theirs = shown(String(protocol))
      return { status: 403, text: `${self} speaks ${PROTOCOL} with other nodes, not ${theirs}` }
    }
    const theirs = parseVersions(typeof spoken === 'string' ? spoken : '1-1')
    const own = this.#versions()
    // Who becomes a member must not hold back those that are.
    if (commonVersion(own, theirs) !== own.newest) {
      const words = `${self} speaks version ${own.newest} of the protocol between nodes`
      return { status: 403, text: `${words}, who asks to join ${versionsText(theirs)}` }
    }
    if (this.#joins >= JOINS_MAX) return { status: 503, text: 'others are asking to join' }
    this.#newcomers.extend(raw.socket, JOIN_TIMEOUT_MS)
    this.#joins++
    try {
      return await admit(asked)
    } catch (error) {
      log.error({ error: String(error) }, 'a node that asks to join could not be answered')
      return { status: 500, text: `${self} met an internal error` }
    } finally {
      this.#joins--
    }
  }

  #refusalOf(headers: IncomingHttpHeaders, path: string | undefined): Refusal | undefined {
    const self = { from: this.#options.self, versions: this.#versions() }
    const judge = (from: string, theirs: Credentials): Refusal | undefined =>
      this.#doorkeeper.judge(from, theirs, false)
    const isPeer = (id: string): boolean => this.#peers.has(id)
    const refusal = refusalOf(headers, path, self, judge, isPeer)
    const { epoch } = this.#credentials()
    return refusal && { ...refusal, ...(epoch === undefined ? {} : { epoch }) }
  }

  /** A peer that is refused comes again twice a second. */
  #tellRefusal(peer: string, refusal: Refusal): void {
    const { reason, message } = refusal
    // What calls itself no node is not counted as one.
    if (reason !== 'protocol' && peer !== '') this.#takeRefusal({ peer, by: 'self', ...refusal })
    if (this.#refused.get(peer) === message) return
    if (this.#refused.size >= REFUSED_MAX) this.#refused.clear()
    this.#refused.set(peer, message)
    this.#options.log.warn({ peer, reason, refusal: message }, 'refused a peer')
  }
}

/** HTTP clients do not hand on what follows a refused upgrade: who asks again without one is told (PEER_PATH). */
function refuse(socket: Duplex, refusal: Refusal | undefined): void {
  const reason = refusal === undefined ? {} : refusalHeaders(refusal)
  const headers = { connection: 'close', 'content-type': 'text/plain', ...reason }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 403 Forbidden\r\n${lines.join('')}\r\n${refusal?.message ?? ''}\n`)
}
