/**
 * Bounds the bytes of bodies in memory at once, for uploads or for answers. Small bodies do not count, because the
 * number of connections bounds them.
 *
 * Invariant: every byte taken is given back when its exchange ends, whether it succeeds or fails.
 */
import type { ServerResponse } from 'node:http'
import { assert } from '../../core/assert.ts'
import { onceClosed } from './response-end.ts'

/** The largest body that counts as small. */
export const SMALL_BODY_BYTES_MAX = 16_384

export class ByteBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Returns false and takes nothing if there is not enough room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
    assert(this.#bytes >= 0, 'no more bytes are given back than were taken')
  }

  /** Like `take`, but gives the bytes back by itself when the response has been sent or its connection is gone. */
  takeFor(response: ServerResponse, bytes: number): boolean {
    if (bytes <= SMALL_BODY_BYTES_MAX) return true
    if (!this.take(bytes)) return false
    onceClosed(response, () => this.give(bytes))
    return true
  }
}
