/**
 * The outer form of a backup file: a first line, and then frames.
 *
 *   frame   check (8 bytes) · length of the payload (u32 LE) · kind (1 byte) · payload
 *
 * The check is two xxHash32 of everything after it, seeded with the check of the frame before. So it covers all frames
 * so far: a frame that is altered, removed, repeated or moved makes its own check or the next one wrong. The check does
 * not protect against forgery.
 *
 * The first line has the version of the format. It seeds the first check.
 */
import { assert } from '../assert.ts'
import { word } from '../hash/little-endian.ts'
import { hashText } from '../hash/text-hash.ts'
import { xxh32 } from '../hash/xxh32.ts'
import { BackupRefused } from './backup-refused.ts'

/** A text, so that people see with `head -1 FILE` what the file is. */
export const FIRST_LINE = 'quorate backup 1\n'
/** No frame between two nodes is larger, so no key is. */
const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024

const CHECK_BYTES = 8
const LENGTH_AT = CHECK_BYTES
const KIND_AT = LENGTH_AT + 4
const HEAD_BYTES = KIND_AT + 1

export interface Frame {
  readonly kind: number
  readonly payload: Uint8Array
}

export class FrameWriter {
  readonly #chain = new Chain()

  /** The bytes of the next frame. */
  frame(kind: number, parts: readonly Uint8Array[]): Uint8Array {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    assert(length <= PAYLOAD_BYTES_MAX, () => `a payload of ${length} bytes fits into a frame`)
    const frame = new Uint8Array(HEAD_BYTES + length)
    putWord(frame, LENGTH_AT, length)
    frame[KIND_AT] = kind
    let at = HEAD_BYTES
    for (const part of parts) {
      frame.set(part, at)
      at += part.length
    }
    const [first, second] = this.#chain.next(frame)
    putWord(frame, 0, first)
    putWord(frame, 4, second)
    return frame
  }
}

/** Reads the frames of a file that comes in pieces of any size. It keeps no more than one frame and the last piece. */
export class FrameReader {
  readonly #chain = new Chain()
  #pieces: Uint8Array[] = []
  #size = 0
  #hasFirstLine = false
  #offset = 0

  /** Whether bytes are left that are no whole frame. */
  get hasRest(): boolean {
    return this.#size > 0
  }

  /** The place of the next frame in the file. All bytes before it are checked. */
  get offset(): number {
    return this.#offset
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#size += piece.length
  }

  /** The next whole frame; undefined if more bytes are needed. Throws `BackupRefused`. */
  next(): Frame | undefined {
    if (!this.#hasFirstLine && !this.#takeFirstLine()) return undefined
    const head = this.#peek(HEAD_BYTES)
    if (head === undefined) return undefined
    const length = word(head, LENGTH_AT) >>> 0
    if (length > PAYLOAD_BYTES_MAX) throw this.#altered()
    const frame = this.#take(HEAD_BYTES + length)
    if (frame === undefined) return undefined
    const [first, second] = this.#chain.next(frame)
    if (word(frame, 0) >>> 0 !== first || word(frame, 4) >>> 0 !== second) throw this.#altered()
    this.#offset += frame.length
    return { kind: frame[KIND_AT] as number, payload: frame.subarray(HEAD_BYTES) }
  }

  #takeFirstLine(): boolean {
    const line = this.#take(FIRST_LINE.length)
    if (line === undefined) return false
    if (String.fromCharCode(...line) !== FIRST_LINE) {
      throw new BackupRefused(
        `it does not begin with "${FIRST_LINE.trim()}": it is no backup, or has another format`,
      )
    }
    this.#offset = line.length
    this.#hasFirstLine = true
    return true
  }

  #take(size: number): Uint8Array | undefined {
    const taken = this.#peek(size)
    if (taken === undefined) return undefined
    const [first] = this.#pieces as [Uint8Array]
    this.#pieces =
      first.length === size
        ? this.#pieces.slice(1)
        : [first.subarray(size), ...this.#pieces.slice(1)]
    this.#size -= size
    return taken
  }

  /** The next bytes, which stay. It joins the pieces only once all bytes are there, so each byte is copied once. */
  #peek(size: number): Uint8Array | undefined {
    if (this.#size < size) return undefined
    const [first] = this.#pieces as [Uint8Array]
    if (first.length >= size) return first.subarray(0, size)
    const joined = new Uint8Array(this.#size)
    let at = 0
    for (const piece of this.#pieces) {
      joined.set(piece, at)
      at += piece.length
    }
    this.#pieces = [joined]
    return joined.subarray(0, size)
  }

  #altered(): BackupRefused {
    return new BackupRefused(`it was altered or damaged at byte ${this.#offset} or before`)
  }
}

/** The check of the last frame, which seeds that of the next one. */
class Chain {
  #check: readonly [number, number] = [hashText(FIRST_LINE, 0), hashText(FIRST_LINE, 1)]

  next(frame: Uint8Array): readonly [number, number] {
    const checked = frame.subarray(CHECK_BYTES)
    const [first, second] = this.#check
    this.#check = [xxh32(checked, first), xxh32(checked, second)]
    return this.#check
  }
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i)
}
