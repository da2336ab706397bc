/**
 * Connections to the peer port that have not yet proved to come from a peer. Whoever does not in time is
 * closed, and where there are too many the oldest has to go, so that nobody keeps peers out, or this node's
 * descriptors, by connecting and keeping silent.
 */
import type { Duplex } from 'node:stream'

export const HANDSHAKE_TIMEOUT_MS = 3000
export const NEWCOMERS_MAX = 256

export class Newcomers {
  readonly #deadlines = new Map<Duplex, NodeJS.Timeout>()

  admit(socket: Duplex): void {
    // Before anything else: an error on a socket that nobody listens to would end the process.
    socket.on('error', () => socket.destroy())
    const [oldest] = this.#deadlines.keys()
    if (oldest !== undefined && this.#deadlines.size >= NEWCOMERS_MAX) {
      this.settle(oldest)
      oldest.destroy()
    }
    this.#allow(socket, HANDSHAKE_TIMEOUT_MS)
    socket.once('close', () => this.settle(socket))
  }

  /** It has asked for something that takes longer; `timeoutMs` from now on. */
  extend(socket: Duplex, timeoutMs: number): void {
    if (!this.#deadlines.has(socket)) return
    clearTimeout(this.#deadlines.get(socket))
    this.#allow(socket, timeoutMs)
  }

  /** It is a peer now, or closed. */
  settle(socket: Duplex): void {
    clearTimeout(this.#deadlines.get(socket))
    this.#deadlines.delete(socket)
  }

  close(): void {
    for (const socket of this.#deadlines.keys()) socket.destroy()
  }

  #allow(socket: Duplex, timeoutMs: number): void {
    this.#deadlines.set(
      socket,
      setTimeout(() => socket.destroy(), timeoutMs),
    )
  }
}
