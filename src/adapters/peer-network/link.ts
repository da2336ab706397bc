/**
 * One open connection between two nodes, seen from either end. It sends and receives frames, and closes after too long
 * a silence. A cut network closes no connection by itself, so both ends send keepalives, and an end that hears nothing
 * closes the connection.
 */
import type { Duplex } from 'node:stream'

import { FRAME_BYTES_MAX, frameHeader, FrameReader } from './frame-stream.ts'

export const KEEPALIVE_INTERVAL_MS = 500
/** Silence after which a link is closed. */
export const SILENCE_MS_MAX = 2000
/** How long the frames that were sent before the end of a link may take to leave. */
const END_MS_MAX = 1000
/** A link refuses frames while more bytes than this wait in it. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024
/** How long a replaced link stays open. By then everything that was sent on it has arrived. */
const RETIRED_MS = 5000

export interface LinkHandler {
  readonly frame: (frame: Uint8Array) => void
  /** Called once, before the first bytes of the other end are read. */
  readonly heard?: () => void
  /** Called once. */
  readonly closed: (reason: string) => void
  /** Whether the frame that is sent or received at this moment must be lost (../chaos/link-faults.ts). */
  readonly isMute: () => boolean
}

export class Link {
  readonly #socket: Duplex
  readonly #handler: LinkHandler
  readonly #reader = new FrameReader((frame) => this.#take(frame))
  readonly #keepalive: NodeJS.Timeout
  #heardMs = performance.now()
  #sentMs = performance.now()
  #lookedMs = performance.now()
  #closed = false
  #isHeard = false
  #retirement: NodeJS.Timeout | undefined

  constructor(socket: Duplex, head: Buffer, handler: LinkHandler) {
    this.#socket = socket
    this.#handler = handler
    // Bytes that came with the handshake are read in a later turn, so no frame arrives before the caller has the link.
    if (head.length > 0) socket.unshift(head)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error) => this.close(error.message))
    socket.on('close', () => this.close('closed by the other end'))
    socket.on('end', () => this.close('ended by the other end'))
    this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_INTERVAL_MS)
  }

  /** Returns false, without sending, if the link is closed, too much is waiting, or the frame is too long. */
  send(frame: Uint8Array): boolean {
    if (this.#closed || frame.length === 0 || frame.length > FRAME_BYTES_MAX) return false
    // Count only the queued bytes, not this frame. Otherwise a long frame could never be sent.
    if (this.#socket.writableLength > QUEUE_BYTES_MAX) return false
    if (this.#handler.isMute()) return true
    this.#sentMs = performance.now()
    // While corked, the socket collects header and payload and writes both in one call, without a copy.
    this.#socket.cork()
    this.#socket.write(frameHeader(frame.length))
    this.#socket.write(frame)
    this.#socket.uncork()
    return true
  }

  /** Lets the other end hear something at once. */
  greet(): void {
    if (!this.#closed && !this.#handler.isMute()) this.#socket.write(frameHeader(0))
  }

  /** Closes the link after a while, because a new connection has replaced it. What is under way still arrives. */
  retire(): void {
    this.#retirement ??= setTimeout(() => this.close('replaced by a new connection'), RETIRED_MS)
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#socket.destroy()
    this.#over(reason)
  }

  /** Like `close`, but the frames that were sent before still leave. */
  end(reason: string): void {
    if (this.#closed) return
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), END_MS_MAX).unref()
    this.#over(reason)
  }

  #over(reason: string): void {
    this.#closed = true
    clearTimeout(this.#retirement)
    clearInterval(this.#keepalive)
    this.#handler.closed(reason)
  }

  #read(chunk: Buffer): void {
    if (this.#closed) return
    // Every chunk counts as heard, because a large frame on a slow line may take longer than SILENCE_MS_MAX.
    if (!this.#handler.isMute()) this.#heardMs = performance.now()
    if (!this.#isHeard) {
      this.#isHeard = true
      this.#handler.heard?.()
    }
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.close(`garbage: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** An injected loss drops complete frames. If a part of a frame were lost, the following bytes would be misread. */
  #take(frame: Uint8Array): void {
    if (this.#closed || frame.length === 0 || this.#handler.isMute()) return
    this.#handler.frame(frame)
  }

  #keepAlive(): void {
    const nowMs = performance.now()
    // If this process stood still, that time is not silence of the peer: its bytes are waiting to be read.
    this.#heardMs += Math.max(0, nowMs - this.#lookedMs - 2 * KEEPALIVE_INTERVAL_MS)
    this.#lookedMs = nowMs
    if (nowMs - this.#heardMs > SILENCE_MS_MAX) {
      this.close(`nothing heard for ${SILENCE_MS_MAX} ms`)
    } else if (nowMs - this.#sentMs >= KEEPALIVE_INTERVAL_MS / 2 && !this.#handler.isMute()) {
      this.#socket.write(frameHeader(0))
    }
  }
}
