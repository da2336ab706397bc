/**
 * Keeps one link open to one peer: dials, and dials again, for as long as the peer is in the list. An attempt
 * is given up after a second at most, because the kernel repeats a lost SYN ever more slowly: a fresh attempt
 * finds a healed network sooner than the old one.
 */
import { Client, type Dispatcher } from 'undici'

import type { Log } from '../../ports/log.ts'
import type { PeerAddress } from '../../ports/network.ts'
import {
  headerOf,
  type Introduction,
  introductionHeaders,
  PEER_PATH,
  PROTOCOL,
} from './handshake.ts'
import { Link, type LinkHandler } from './link.ts'

const ATTEMPT_TIMEOUT_MS = 1000
const BACKOFF_MS_MIN = 50
const BACKOFF_MS_MAX = 500

export interface DialerHandler {
  readonly frame: (frame: Uint8Array) => void
  readonly link: (open: boolean) => void
  readonly isMute: () => boolean
}

export class Dialer {
  readonly peer: PeerAddress
  readonly #introduce: () => Introduction
  readonly #handler: DialerHandler
  readonly #log: Log
  #link: Link | undefined
  #retry: NodeJS.Timeout | undefined
  #backoffMs = BACKOFF_MS_MIN
  #stopped = false
  #lastTrouble = ''

  constructor(peer: PeerAddress, introduce: () => Introduction, handler: DialerHandler, log: Log) {
    this.peer = peer
    this.#introduce = introduce
    this.#handler = handler
    this.#log = log
    void this.#dial()
  }

  get isOpen(): boolean {
    return this.#link !== undefined
  }

  send(frame: Uint8Array): boolean {
    return this.#link?.send(frame) ?? false
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    this.#link?.close('this node is stopping')
  }

  async #dial(): Promise<void> {
    const client = new Client(this.peer.url, { connect: { timeout: ATTEMPT_TIMEOUT_MS } })
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(new Error('no answer')), ATTEMPT_TIMEOUT_MS)
    try {
      // A mute link does not dial either: a cut network answers no SYN.
      if (this.#handler.isMute()) throw new Error('no answer')
      this.#open(await this.#upgrade(client, abort.signal))
    } catch (error) {
      void client.destroy()
      this.#trouble(error instanceof Error ? error.message : String(error))
      this.#again()
    } finally {
      clearTimeout(timer)
    }
  }

  async #upgrade(client: Client, signal: AbortSignal): Promise<Dispatcher.UpgradeData> {
    const headers = introductionHeaders(this.#introduce())
    const upgraded = await client.upgrade({ path: PEER_PATH, protocol: PROTOCOL, headers, signal })
    const answering = headerOf(upgraded.headers, 'quorate-from')
    if (answering === this.peer.id) return upgraded
    upgraded.socket.destroy()
    throw new Error(`${this.peer.url} is ${answering || 'no node'}, not ${this.peer.id}`)
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
    this.#backoffMs = BACKOFF_MS_MIN
    this.#lastTrouble = ''
    this.#log.info({ peer: this.peer.id }, 'link is open')
    this.#handler.link(true)
  }

  #closed(reason: string): void {
    this.#link = undefined
    this.#trouble(reason)
    this.#handler.link(false)
    this.#again()
  }

  #again(): void {
    if (this.#stopped) return
    // Half of it by chance, so that nodes that lost each other do not dial in step.
    const waitMs = this.#backoffMs * (0.5 + Math.random() / 2)
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS_MAX)
    this.#retry = setTimeout(() => void this.#dial(), waitMs)
  }

  /** Says each trouble once, not at every attempt. */
  #trouble(reason: string): void {
    if (this.#stopped || reason === this.#lastTrouble) return
    this.#lastTrouble = reason
    this.#log.warn({ peer: this.peer.id, url: this.peer.url, reason }, 'link is not open')
  }
}
