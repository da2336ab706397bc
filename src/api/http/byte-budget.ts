/**
 * How many bytes of bodies may be in memory at once, in one direction: those of uploads, or those of answers.
 * Small bodies do not count: the number of connections bounds them.
 *
 * Invariant: every byte that was taken is given back once the exchange is over, however it ends.
 */
import type { ServerResponse } from 'node:http'
import { assert } from '../../core/assert.ts'
import { onceClosed } from './response-end.ts'

/** Up to here a body is small. */
export const SMALL_BODY_BYTES_MAX = 16_384

export class ByteBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** False, and nothing taken, where there is no room left. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
    assert(this.#bytes >= 0, 'no more bytes are given back than were taken')
  }

  /** As `take`; gives back by itself when the response is done with, sent or not. */
  takeFor(response: ServerResponse, bytes: number): boolean {
    if (bytes <= SMALL_BODY_BYTES_MAX) return true
    if (!this.take(bytes)) return false
    onceClosed(response, () => this.give(bytes))
    return true
  }
}
