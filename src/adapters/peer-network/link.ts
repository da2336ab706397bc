/**
 * One open connection between two nodes, from either end: frames out, frames in, and an end when it has been
 * silent for too long. A cut network closes nothing by itself, so both ends send keepalives, and whoever
 * hears nothing gives the connection up.
 */
import type { Duplex } from 'node:stream'

import { frameHeader, FrameReader, HEADER_BYTES } from './frame-stream.ts'

export const KEEPALIVE_INTERVAL_MS = 500
/** Silence after which a link is closed. */
export const SILENCE_MS_MAX = 2000
/** Bytes waiting in one link above which no more are taken. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024

/** Up to this, copying a frame behind its header costs less than a second buffer in the call. */
const COPY_BYTES_MAX = 64 * 1024

export interface LinkHandler {
  readonly frame: (frame: Uint8Array) => void
  /** Called once. */
  readonly closed: (reason: string) => void
  /** Whether what is sent or heard at this moment is to be lost (link-faults.ts). */
  readonly isMute: () => boolean
}

export class Link {
  readonly #socket: Duplex
  readonly #handler: LinkHandler
  readonly #keepalive: NodeJS.Timeout
  #heardMs = performance.now()
  #sentMs = performance.now()
  #closed = false

  constructor(socket: Duplex, head: Buffer, handler: LinkHandler) {
    this.#socket = socket
    this.#handler = handler
    const reader = new FrameReader((frame) => handler.frame(frame))
    const read = (chunk: Buffer): void => {
      if (this.#closed || handler.isMute()) return
      this.#heardMs = performance.now()
      try {
        reader.push(chunk)
      } catch (error) {
        this.close(`garbage: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    // What came with the handshake is read in a later turn, as the rest: never before the owner has the link.
    if (head.length > 0) socket.unshift(head)
    socket.on('data', read)
    socket.on('error', (error) => this.close(error.message))
    socket.on('close', () => this.close('closed by the other end'))
    socket.on('end', () => this.close('ended by the other end'))
    this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_INTERVAL_MS)
  }

  /** False where the link is closed or too much is waiting: then the frame was not sent. */
  send(frame: Uint8Array): boolean {
    if (this.#closed || this.#socket.writableLength > QUEUE_BYTES_MAX) return false
    if (this.#handler.isMute()) return true
    this.#sentMs = performance.now()
    if (frame.length <= COPY_BYTES_MAX) {
      // One buffer is one system call of the cheaper kind.
      const whole = Buffer.allocUnsafe(HEADER_BYTES + frame.length)
      whole.writeUInt32LE(frame.length, 0)
      whole.set(frame, HEADER_BYTES)
      this.#socket.write(whole)
      return true
    }
    // Corked, header and payload leave in one call, and the payload is not copied.
    this.#socket.cork()
    this.#socket.write(frameHeader(frame.length))
    this.#socket.write(frame)
    this.#socket.uncork()
    return true
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#keepalive)
    this.#socket.destroy()
    this.#handler.closed(reason)
  }

  #keepAlive(): void {
    const nowMs = performance.now()
    if (nowMs - this.#heardMs > SILENCE_MS_MAX) {
      this.close(`nothing heard for ${SILENCE_MS_MAX} ms`)
    } else if (nowMs - this.#sentMs >= KEEPALIVE_INTERVAL_MS / 2 && !this.#handler.isMute()) {
      this.#socket.write(frameHeader(0))
    }
  }
}
