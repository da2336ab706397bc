/** Bounds the values in the answer to one batch, and counts them among the answers of all connections. */
import type { ServerResponse } from 'node:http'
import { QuorateError } from '../../core/errors.ts'
import type { ByteBudget } from '../http/byte-budget.ts'
import { onceClosed } from '../http/response-end.ts'

/** All values of one answer together. */
export const ANSWER_BYTES_MAX = 16 * 1_048_576

export class AnswerRoom {
  readonly #answers: ByteBudget
  #bytes = 0
  #isClosed = false

  /** The room is given back when the response has been sent or its connection is gone. */
  constructor(answers: ByteBudget, response: ServerResponse) {
    this.#answers = answers
    onceClosed(response, () => {
      this.#isClosed = true
      answers.give(this.#bytes)
    })
  }

  /** Throws value_too_large or overloaded if there is no room. */
  take(bytes: number): void {
    // Nobody is left to read the answer.
    if (this.#isClosed) return
    if (this.#bytes + bytes > ANSWER_BYTES_MAX) {
      throw new QuorateError(
        'value_too_large',
        `The answer to a batch has room for values of ${ANSWER_BYTES_MAX} bytes together; these ${bytes} bytes come ` +
          `on top of ${this.#bytes}. Read the key in another batch, or alone.`,
      )
    }
    if (!this.#answers.take(bytes)) {
      throw new QuorateError(
        'overloaded',
        `There is no room for an answer of ${bytes} bytes beside those that are being sent.`,
      )
    }
    this.#bytes += bytes
  }
}
