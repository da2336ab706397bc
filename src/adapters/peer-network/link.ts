/**
 * One open connection between two nodes, from either end: frames out, frames in, and an end when it has been
 * silent for too long. A cut network closes nothing by itself, so both ends send keepalives, and whoever
 * hears nothing gives the connection up.
 */
import type { Duplex } from 'node:stream'

import { FRAME_BYTES_MAX, frameHeader, FrameReader } from './frame-stream.ts'

export const KEEPALIVE_INTERVAL_MS = 500
/** Silence after which a link is closed. */
export const SILENCE_MS_MAX = 2000
/** Bytes waiting in one link above which no more are taken. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024

export interface LinkHandler {
  readonly frame: (frame: Uint8Array) => void
  /** Called once. */
  readonly closed: (reason: string) => void
  /** Whether the frame that is sent or heard at this moment is to be lost (../chaos/link-faults.ts). */
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

  constructor(socket: Duplex, head: Buffer, handler: LinkHandler) {
    this.#socket = socket
    this.#handler = handler
    // What came with the handshake is read in a later turn, as the rest: never before the owner has the link.
    if (head.length > 0) socket.unshift(head)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error) => this.close(error.message))
    socket.on('close', () => this.close('closed by the other end'))
    socket.on('end', () => this.close('ended by the other end'))
    this.#keepalive = setInterval(() => this.#keepAlive(), KEEPALIVE_INTERVAL_MS)
  }

  /** False where the link is closed, or too much is waiting, or the frame is too long: then it was not sent. */
  send(frame: Uint8Array): boolean {
    if (this.#closed || frame.length === 0 || frame.length > FRAME_BYTES_MAX) return false
    // What is queued counts, not this frame: else a long one could never be sent.
    if (this.#socket.writableLength > QUEUE_BYTES_MAX) return false
    if (this.#handler.isMute()) return true
    this.#sentMs = performance.now()
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

  #read(chunk: Buffer): void {
    if (this.#closed) return
    // At each chunk, for a large frame on a slow line takes longer than the silence that closes a link.
    if (!this.#handler.isMute()) this.#heardMs = performance.now()
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.close(`garbage: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Frames are lost whole: with a part of one lost, all bytes behind it would be read as other frames. */
  #take(frame: Uint8Array): void {
    if (this.#closed || frame.length === 0 || this.#handler.isMute()) return
    this.#handler.frame(frame)
  }

  #keepAlive(): void {
    const nowMs = performance.now()
    // Time in which this process stood still is no silence of the peer: what it sent is waiting to be read.
    this.#heardMs += Math.max(0, nowMs - this.#lookedMs - 2 * KEEPALIVE_INTERVAL_MS)
    this.#lookedMs = nowMs
    if (nowMs - this.#heardMs > SILENCE_MS_MAX) {
      this.close(`nothing heard for ${SILENCE_MS_MAX} ms`)
    } else if (nowMs - this.#sentMs >= KEEPALIVE_INTERVAL_MS / 2 && !this.#handler.isMute()) {
      this.#socket.write(frameHeader(0))
    }
  }
}
