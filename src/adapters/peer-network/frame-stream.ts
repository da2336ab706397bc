/**
 * Frames on a byte stream: u32 LE length, then so many bytes. An empty frame is a keepalive. A frame may span many
 * chunks, and a chunk may hold many frames. Each byte is copied at most once.
 */

/**
 * A longer frame is garbage when received, and is never sent. The node keeps its frames far shorter, unless a single
 * item is larger: an object is one item, and may have been merged from many sides of a cut
 * (node/replica/sibling-limits.ts).
 */
export const FRAME_BYTES_MAX = 256 * 1024 * 1024
/** The bound for a peer that speaks version 2 of the protocol. */
export const FRAME_BYTES_MAX_2 = 64 * 1024 * 1024
export const HEADER_BYTES = 4

export class FrameReader {
  readonly #take: (frame: Uint8Array) => void
  #chunks: Buffer[] = []
  #buffered = 0
  /** Length of the frame whose header has been read; -1 until then. */
  #wanted = -1

  constructor(take: (frame: Uint8Array) => void) {
    this.#take = take
  }

  /** Throws on a length above FRAME_BYTES_MAX. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    for (;;) {
      if (this.#wanted < 0) {
        if (this.#buffered < HEADER_BYTES) return
        this.#wanted = this.#read(HEADER_BYTES).readUInt32LE(0)
        if (this.#wanted > FRAME_BYTES_MAX) throw new Error(`a frame of ${this.#wanted} bytes`)
      }
      if (this.#buffered < this.#wanted) return
      const frame = this.#read(this.#wanted)
      this.#wanted = -1
      this.#take(frame)
    }
  }

  /** The next bytes: a view if they lie in one chunk, otherwise a copy. */
  #read(length: number): Buffer {
    if (length === 0) return Buffer.alloc(0)
    this.#buffered -= length
    const first = this.#chunks[0] as Buffer
    if (first.length > length) {
      this.#chunks[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    if (first.length === length) {
      this.#chunks.shift()
      return first
    }
    const whole = Buffer.concat(this.#chunks)
    const rest = whole.subarray(length)
    this.#chunks = rest.length > 0 ? [rest] : []
    return whole.subarray(0, length)
  }
}

export function frameHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32LE(length, 0)
  return header
}
