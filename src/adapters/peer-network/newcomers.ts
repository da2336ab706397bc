/**
 * Connections to the peer port that have not finished the handshake. A connection that does not finish in time is
 * closed. If there are too many, the oldest is closed. So nobody can use up this node's descriptors, or keep peers out,
 * by connecting and staying silent.
 */
import type { Duplex } from 'node:stream'

export const HANDSHAKE_TIMEOUT_MS = 3000
export const NEWCOMERS_MAX = 256

export class Newcomers {
  readonly #deadlines = new Map<Duplex, NodeJS.Timeout>()

  admit(socket: Duplex): void {
    // Listen first, because an error on a socket without a listener would end the process.
    socket.on('error', () => socket.destroy())
    const [oldest] = this.#deadlines.keys()
    if (oldest !== undefined && this.#deadlines.size >= NEWCOMERS_MAX) {
      this.settle(oldest)
      oldest.destroy()
    }
    this.#allow(socket, HANDSHAKE_TIMEOUT_MS)
    socket.once('close', () => this.settle(socket))
  }

  /** Gives a connection `timeoutMs` from now, because its request takes longer. */
  extend(socket: Duplex, timeoutMs: number): void {
    if (!this.#deadlines.has(socket)) return
    clearTimeout(this.#deadlines.get(socket))
    this.#allow(socket, timeoutMs)
  }

  /** A TLS connection takes the place of the one that carries it, with the same deadline. */
  replace(raw: Duplex, secure: Duplex): void {
    secure.on('error', () => secure.destroy())
    const deadline = this.#deadlines.get(raw)
    if (deadline === undefined) return
    this.#deadlines.delete(raw)
    // The deadline destroys the raw connection, and so this one.
    this.#deadlines.set(secure, deadline)
    secure.once('close', () => this.settle(secure))
  }

  /** Forgets a connection that is a peer now, or is closed. */
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
