/**
 * Keeps one link open to one peer: it dials again and again as long as the peer is in the list. An attempt times out
 * soon, because the kernel repeats a lost SYN ever more slowly, so a new attempt finds a healed network sooner.
 */
import type { LookupFunction } from 'node:net'
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
import { Link, type LinkHandler, SILENCE_MS_MAX } from './link.ts'

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
  readonly log: Log
}

export class Dialer {
  readonly peer: PeerAddress
  readonly #options: DialerOptions
  readonly #handler: DialerHandler
  #link: Link | undefined
  #version = 0
  #openedMs = 0
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

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    this.#attempt?.abort(new Error('this node is stopping'))
    this.#link?.end('this node is stopping')
  }

  async #dial(): Promise<void> {
    const client = new Client(this.peer.url, {
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: this.#options.lookup },
      maxResponseSize: REASON_BYTES_MAX,
    })
    const attempt = new AbortController()
    this.#attempt = attempt
    this.#attemptedMs = performance.now()
    const timer = setTimeout(() => attempt.abort(new Error('no answer')), ATTEMPT_TIMEOUT_MS)
    try {
      // An injected cut also prevents dialling, because a cut network answers no SYN.
      if (this.#handler.isMute()) throw new Error('no answer')
      this.#open(await this.#upgrade(client, attempt.signal))
    } catch (error) {
      void client.destroy()
      if (error instanceof RefusedError) this.#handler.refused(error.by, error.refusal)
      this.#trouble(error instanceof Error ? error.message : String(error))
      this.#again()
    } finally {
      clearTimeout(timer)
      this.#attempt = undefined
    }
  }

  async #upgrade(client: Client, signal: AbortSignal): Promise<Dispatcher.UpgradeData> {
    const introduction = this.#options.introduce()
    const headers = introductionHeaders(introduction)
    const request = { path: PEER_PATH, protocol: PROTOCOL, headers, signal }
    const upgraded = await client.upgrade(request).catch(async (error: unknown) => {
      if (!(error instanceof Error) || error.message !== 'bad upgrade') throw error
      const answer = await client.request({ method: 'GET', path: PEER_PATH, headers, signal })
      const message = shown((await answer.body.text()).trim())
      const refusal = refusalIn(answer.headers, message)
      if (refusal?.reason === 'not_a_member') await this.#learn(refusal, headers)
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
    this.#version = version
    return upgraded
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
  async #learn({ epoch = 0 }: Refusal, headers: Record<string, string>): Promise<void> {
    if (epoch <= this.#options.epoch()) return
    const { peer, lookup } = this.#options
    const document = await askForMembership(peer.url, headers, lookup)
    if (document !== undefined && !this.#stopped) this.#handler.excluded(document)
  }

  #open({ socket }: Dispatcher.UpgradeData): void {
    if (this.#stopped) {
      socket.destroy()
      return
    }
    const handler: LinkHandler = {
      frame: this.#handler.frame,
      isMute: this.#handler.isMute,
      closed: (reason) => this.#closed(reason),
    }
    this.#link = new Link(socket, Buffer.alloc(0), handler)
    this.#openedMs = performance.now()
    this.#troubles.clear()
    this.#options.log.info({ peer: this.peer.id, version: this.#version }, 'link is open')
    this.#handler.link(true)
  }

  #closed(reason: string): void {
    this.#link = undefined
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
