/**
 * Keeps one link open to one peer: it dials again and again as long as the peer is in the list. An attempt times out
 * soon, because the kernel repeats a lost SYN ever more slowly, so a new attempt finds a healed network sooner.
 *
 * A renewal moves the link to a new connection without a gap: the node notices nothing, and no ask is lost.
 */
import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Client, type Dispatcher } from 'undici'

import type { Log } from '../../ports/log.ts'
import type { Doorkeeper, PeerAddress, Refusal } from '../../ports/network.ts'
import {
  commonVersion,
  credentialsIn,
  headerOf,
  type Introduction,
  introductionHeaders,
  noneInCommon,
  PEER_PATH,
  PROTOCOL,
  RefusedError,
  refusalIn,
  shown,
  versionsIn,
} from './handshake.ts'
import { askForMembership } from './membership-request.ts'
import { Link, SILENCE_MS_MAX } from './link.ts'
import { type Connector, connectorOf, CutShortError, mayGoPlain, type PeerTls } from './peer-tls.ts'

/** Bounds the TCP connection alone. The kernel of the peer accepts it, even if the peer's process is busy. */
const CONNECT_TIMEOUT_MS = 400
/** Bounds the connection and the handshake together. */
const ATTEMPT_TIMEOUT_MS = 1000
/** From the start of one attempt to the start of the next. */
const BACKOFF_MS_MIN = 50
const BACKOFF_MS_MAX = 500
/** The most bytes that the text of a refusal may have. */
const REASON_BYTES_MAX = 4096
/** How many different failures of one outage are logged. */
const TROUBLES_MAX = 10
/** After so long TLS is tried again for a link without TLS. */
const TLS_RETRY_MS = 60_000
/** How long a renewal is tried. Then the old connection is closed. */
const RENEWAL_MS_MAX = 30_000

export interface DialerHandler {
  readonly frame: (frame: Uint8Array) => void
  readonly link: (open: boolean) => void
  /** Called for each attempt that this node or the peer refuses. */
  readonly refused: (by: 'self' | 'peer', refusal: Refusal) => void
  readonly isMute: () => boolean
  /** Called if the peer refuses this node because it is no member, with the peer's newer topology document. */
  readonly excluded: (document: string) => void
}

export interface DialerOptions {
  readonly peer: PeerAddress
  readonly introduce: () => Introduction
  readonly doorkeeper: () => Doorkeeper
  /** The epoch of this node's topology. */
  readonly epoch: () => number
  readonly lookup: LookupFunction
  /** Undefined if this node has no TLS for peers. */
  readonly tls: PeerTls | undefined
  readonly log: Log
}

/** The other end of a connection that may become a link. */
interface Answering {
  readonly socket: Dispatcher.UpgradeData['socket']
  readonly version: number
  /** The process at the other end; undefined if an older version does not tell. */
  readonly life: number | undefined
  /** How many renewals had been requested when the attempt began. */
  readonly renewals: number
}

export class Dialer {
  readonly peer: PeerAddress
  readonly #options: DialerOptions
  readonly #handler: DialerHandler
  #link: Link | undefined
  #version = 0
  #life: number | undefined
  #openedMs = 0
  /** How many renewals were requested, and how many when the attempt of the link began. */
  #renewals = 0
  #linkRenewals = 0
  #renewalReason = ''
  #isRenewing = false
  /** Whether the next attempt goes without TLS. Only while TLS is not required. */
  #isPlainNext = false
  /** Whether the last attempt with TLS ended in the handshake. */
  #wasCutShort = false
  #isPlain = false
  #tlsRetry: NodeJS.Timeout | undefined
  readonly #retired = new Set<Link>()
  #attempt: AbortController | undefined
  #attemptedMs = 0
  #retry: NodeJS.Timeout | undefined
  #backoffMs = BACKOFF_MS_MIN
  #stopped = false
  /** The failures logged since the link was last open. */
  readonly #troubles = new Set<string>()

  constructor(options: DialerOptions, handler: DialerHandler) {
    this.peer = options.peer
    this.#options = options
    this.#handler = handler
    void this.#dial()
  }

  get isOpen(): boolean {
    return this.#link !== undefined
  }

  /** Whether the link is open and not encrypted. */
  get isPlain(): boolean {
    return this.isOpen && this.#isPlain
  }

  /** The version of the protocol on the link; undefined while there is no link. */
  get version(): number | undefined {
    return this.#link === undefined ? undefined : this.#version
  }

  send(frame: Uint8Array): boolean {
    return this.#link?.send(frame) ?? false
  }

  /** Closes the link. The dialer then dials again. */
  hangUp(reason: string): void {
    this.#link?.close(reason)
  }

  /** Moves the link to a new connection. The old one is closed if that fails for too long. */
  renew(reason: string): void {
    this.#renewals++
    this.#renewalReason = reason
    this.#renewIfDue()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    clearTimeout(this.#tlsRetry)
    this.#attempt?.abort(new Error('this node is stopping'))
    this.#link?.end('this node is stopping')
    for (const link of this.#retired) link.end('this node is stopping')
  }

  async #dial(): Promise<void> {
    const answering = await this.#connect()
    if (answering === undefined) this.#again()
    else this.#open(answering)
  }

  #renewIfDue(): void {
    const link = this.#link
    if (link === undefined || this.#isRenewing || this.#linkRenewals === this.#renewals) return
    this.#replace(this.#renew(link, this.#renewalReason))
  }

  /** One replacement of the link at a time. */
  #replace(replacing: Promise<void>): void {
    this.#isRenewing = true
    void replacing.finally(() => {
      this.#isRenewing = false
      this.#renewIfDue()
    })
  }

  async #renew(old: Link, reason: string): Promise<void> {
    const endMs = performance.now() + RENEWAL_MS_MAX
    while (this.#link === old && !this.#stopped) {
      const answering = await this.#connect()
      if (this.#link !== old || this.#stopped) {
        answering?.socket.destroy()
      } else if (answering === undefined) {
        if (performance.now() > endMs) old.close(reason)
        else await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS_MAX))
      } else this.#move(old, answering, reason)
    }
  }

  #move(old: Link, answering: Answering, reason: string): void {
    if (answering.life === undefined || answering.life !== this.#life) {
      // The peer has restarted, so nobody will answer the asks on the old connection.
      answering.socket.destroy()
      old.close(reason)
      return
    }
    this.#retired.add(old)
    old.retire()
    this.#open(answering)
    this.#options.log.info({ peer: this.peer.id, reason }, 'link has a new connection')
  }

  /** Moves a link without TLS to a connection with TLS, if the peer has TLS by now. */
  async #secure(old: Link): Promise<void> {
    const answering = await this.#connect(true)
    const isCurrent = this.#link === old && !this.#stopped
    if (answering !== undefined && isCurrent) this.#move(old, answering, 'it is encrypted now')
    else answering?.socket.destroy()
    if (this.#link === old) this.#secureLater(old)
  }

  #secureLater(link: Link): void {
    clearTimeout(this.#tlsRetry)
    this.#tlsRetry = setTimeout(() => {
      if (this.#isRenewing) this.#secureLater(link)
      else if (this.#link === link) this.#replace(this.#secure(link))
    }, this.#options.tls?.retryMs ?? TLS_RETRY_MS)
  }

  /** One attempt. Undefined if it failed; the reason was reported, unless a link without TLS is open meanwhile. */
  async #connect(isOnlySecure = false): Promise<Answering | undefined> {
    const { lookup, tls } = this.#options
    const renewals = this.#renewals
    const isPlain = !isOnlySecure && tls?.isRequired !== true && this.#isPlainNext
    const connect = connectorOf({
      lookup,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      handshakeTimeoutMs: ATTEMPT_TIMEOUT_MS,
      tls: isPlain ? undefined : tls,
      node: this.peer.id,
    })
    const client = new Client(this.peer.url, { connect, maxResponseSize: REASON_BYTES_MAX })
    const attempt = new AbortController()
    this.#attempt = attempt
    this.#attemptedMs = performance.now()
    const timer = setTimeout(() => attempt.abort(new Error('no answer')), ATTEMPT_TIMEOUT_MS)
    try {
      // An injected cut also prevents dialling, because a cut network answers no SYN.
      if (this.#handler.isMute()) throw new Error('no answer')
      const answering = await this.#upgrade(client, connect, attempt.signal)
      this.#isPlainNext = false
      if (!isPlain) this.#wasCutShort = false
      return { ...answering, renewals }
    } catch (error) {
      void client.destroy()
      if (isOnlySecure) return undefined
      const isCutShort = error instanceof CutShortError
      const isCutAgain = isCutShort && this.#wasCutShort
      this.#isPlainNext = !isPlain && (mayGoPlain(error) || isCutAgain)
      if (!isPlain) this.#wasCutShort = isCutShort
      if (error instanceof RefusedError) this.#handler.refused(error.by, error.refusal)
      this.#trouble(error instanceof Error ? error.message : String(error))
      return undefined
    } finally {
      clearTimeout(timer)
      this.#attempt = undefined
    }
  }

  async #upgrade(
    client: Client,
    connect: Connector,
    signal: AbortSignal,
  ): Promise<Omit<Answering, 'renewals'>> {
    const introduction = this.#options.introduce()
    const headers = introductionHeaders(introduction)
    const request = { path: PEER_PATH, protocol: PROTOCOL, headers, signal }
    const upgraded = await client.upgrade(request).catch(async (error: unknown) => {
      if (!(error instanceof Error) || error.message !== 'bad upgrade') throw error
      const answer = await client.request({ method: 'GET', path: PEER_PATH, headers, signal })
      const message = shown((await answer.body.text()).trim())
      const refusal = refusalIn(answer.headers, message)
      if (refusal?.reason === 'not_a_member') {
        await this.#learn(refusal, connect, headers)
      }
      if (refusal !== undefined) throw new RefusedError('peer', refusal)
      throw new Error(`refused: ${message}`)
    })
    const answering = headerOf(upgraded.headers, 'quorate-from')
    if (answering !== this.peer.id) {
      upgraded.socket.destroy()
      const message = `${this.peer.url} is ${shown(answering) || 'no node'}, not ${this.peer.id}`
      throw new RefusedError('self', { reason: 'wrong_node', message })
    }
    const versions = versionsIn(upgraded.headers)
    const version = commonVersion(introduction.versions, versions)
    if (version === undefined) {
      upgraded.socket.destroy()
      const message = noneInCommon(introduction, { from: answering, versions })
      throw new RefusedError('self', { reason: 'version', message })
    }
    await this.#admit(upgraded, signal)
    const { life } = credentialsIn(upgraded.headers)
    return { socket: upgraded.socket, version, life }
  }

  /** Checks the node at the other end. Rejects if that node must not get a link. */
  async #admit({ headers, socket }: Dispatcher.UpgradeData, signal: AbortSignal): Promise<void> {
    const { peer, doorkeeper } = this.#options
    const theirs = credentialsIn(headers)
    const judge = (): void => {
      const refusal = doorkeeper().judge(peer.id, theirs, true)
      if (refusal !== undefined) throw new RefusedError('self', refusal)
    }
    socket.on('error', () => socket.destroy())
    try {
      judge()
      await orAborted(doorkeeper().welcome(peer.id, theirs, true), signal)
      judge()
      if (socket.destroyed) throw new Error('closed by the other end')
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /** Asks the peer for its topology document. Ignores a peer whose epoch is not newer, because it proves nothing. */
  async #learn(
    { epoch = 0 }: Refusal,
    connect: Connector,
    headers: Record<string, string>,
  ): Promise<void> {
    if (epoch <= this.#options.epoch()) return
    const document = await askForMembership(this.peer.url, headers, connect)
    if (document !== undefined && !this.#stopped) this.#handler.excluded(document)
  }

  #open({ socket, version, life, renewals }: Answering): void {
    if (this.#stopped) {
      socket.destroy()
      return
    }
    const isNew = this.#link === undefined
    const link = new Link(socket, Buffer.alloc(0), {
      frame: this.#handler.frame,
      isMute: this.#handler.isMute,
      closed: (reason) => this.#closed(link, reason),
    })
    this.#link = link
    this.#version = version
    this.#life = life
    this.#openedMs = performance.now()
    this.#troubles.clear()
    const { log, tls } = this.#options
    this.#isPlain = !(socket instanceof TLSSocket)
    const peer = this.peer.id
    clearTimeout(this.#tlsRetry)
    if (tls !== undefined && this.#isPlain) {
      log.warn({ peer }, 'the link is not encrypted: TLS is tried again from time to time')
      this.#secureLater(link)
    }
    if (isNew) {
      log.info({ peer, version, ...(tls && { tls: !this.#isPlain }) }, 'link is open')
      this.#handler.link(true)
    } else {
      // The peer sends its answers on this connection from now on.
      link.greet()
    }
    // The attempt may have begun before the renewal was requested.
    this.#linkRenewals = renewals
    this.#renewIfDue()
  }

  #closed(link: Link, reason: string): void {
    this.#retired.delete(link)
    if (this.#link !== link) return
    this.#link = undefined
    clearTimeout(this.#tlsRetry)
    // Reset the backoff only after a link that lasted, so that one that closes at once is not dialled in a busy loop.
    if (performance.now() - this.#openedMs > SILENCE_MS_MAX) this.#backoffMs = BACKOFF_MS_MIN
    this.#attemptedMs = performance.now()
    this.#trouble(reason)
    this.#handler.link(false)
    this.#again()
  }

  #again(): void {
    if (this.#stopped) return
    // Half of the interval is random, so that nodes that lost each other do not dial in step.
    const intervalMs = this.#backoffMs * (0.5 + Math.random() / 2)
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS_MAX)
    const waitMs = Math.max(0, this.#attemptedMs + intervalMs - performance.now())
    this.#retry = setTimeout(() => void this.#dial(), waitMs)
  }

  /** Logs each failure once, not at every attempt. */
  #trouble(reason: string): void {
    if (this.#stopped || this.#troubles.has(reason) || this.#troubles.size >= TROUBLES_MAX) return
    this.#troubles.add(reason)
    this.#options.log.warn({ peer: this.peer.id, url: this.peer.url, reason }, 'link is not open')
  }
}

function orAborted(waited: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    waited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
