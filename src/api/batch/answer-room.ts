/** Bounds the values in the answer to one batch, and counts them among the answers of all connections. */
import type { ServerResponse } from 'node:http'
import { QuorateError } from '../../core/errors.ts'
import type { ByteBudget } from '../http/byte-budget.ts'
import { onceClosed } from '../http/response-end.ts'

/** All values of one answer together. */
export const ANSWER_BYTES_MAX = 16 * 1_048_576

export class AnswerRoom {
  readonly #answers: ByteBudget
  /** The values of the answer. */
  #bytes = 0
  /** What their texts take in memory. */
  #kept = 0
  #isClosed = false

  /** The room is given back when the response has been sent or its connection is gone. */
  constructor(answers: ByteBudget, response: ServerResponse) {
    this.#answers = answers
    onceClosed(response, () => {
      this.#isClosed = true
      answers.give(this.#kept)
    })
  }

  /** Call before the text of the values is made. Throws value_too_large if they do not fit into the answer. */
  take(bytes: number): void {
    if (this.#bytes + bytes > ANSWER_BYTES_MAX) {
      throw new QuorateError(
        'value_too_large',
        `The answer to a batch has room for values of ${ANSWER_BYTES_MAX} bytes together; these ${bytes} bytes come ` +
          `on top of ${this.#bytes}. Read the key in another batch, or alone.`,
      )
    }
    this.#bytes += bytes
  }

  /**
   * Counts a text that is kept until the whole answer is sent. JSON may have six characters for one byte of a value, and
   * a string takes two bytes for each character if one of them is not Latin-1. Throws overloaded if there is no room.
   */
  keep(text: string): void {
    // Nobody is left to read the answer.
    if (this.#isClosed) return
    const bytes = text.length * (/[^\0-\xff]/.test(text) ? 2 : 1)
    if (!this.#answers.take(bytes)) {
      throw new QuorateError(
        'overloaded',
        `There is no room for an answer of ${bytes} bytes beside those that are being sent.`,
      )
    }
    this.#kept += bytes
  }
}
