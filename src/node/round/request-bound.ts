/**
 * Bounds client requests: how many run at once, and how long each may take. A request is answered at its deadline, even
 * if its work has not ended, or within a second of it while a backup takes its cut (answer-gate.ts). If the disk stalls,
 * the work goes on and holds memory. So a request counts until its work has ended and its answer has left, and a full
 * node accepts requests again once the disk answers. Requests that wait for a record which a stalled disk is already
 * reading are bounded in object-table.ts instead.
 */
import { assert } from '../../core/assert.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import { AnswerGate } from './answer-gate.ts'
import { LAST_RESORT_MS, lateError } from './placed-request.ts'
import { orFail, type RequestEnd } from './request-end.ts'

/** A gate that nobody closes. */
const OPEN = new AnswerGate()

export class RequestBound {
  readonly #deadlines: Deadlines
  readonly #gate: AnswerGate
  readonly #workMax: number
  #work = 0
  #unanswered = 0
  #drained: (() => void) | undefined

  constructor(deadlines: Deadlines, gate: AnswerGate, workMax: number) {
    this.#deadlines = deadlines
    this.#gate = gate
    this.#workMax = workMax
  }

  /** Number of requests that count. Some of them may have been answered. */
  get inflight(): number {
    return this.#work
  }

  /** A request of a client. Rejects with `overloaded`, with the error of `work`, or with one of a passed deadline. */
  run<T>(
    kind: 'read' | 'write',
    timeoutMs: number,
    work: (end: RequestEnd<T>) => void,
  ): Promise<T> {
    return this.#run(kind, timeoutMs, work, this.#gate)
  }

  /**
   * A request that another node has forwarded. Its answer is not held back: the stamp of the message takes the clock of
   * that node past the cut, and that node holds back what it tells its client.
   */
  runForwarded<T>(
    kind: 'read' | 'write',
    timeoutMs: number,
    work: (end: RequestEnd<T>) => void,
  ): Promise<T> {
    return this.#run(kind, timeoutMs, work, OPEN)
  }

  #run<T>(
    kind: 'read' | 'write',
    timeoutMs: number,
    work: (end: RequestEnd<T>) => void,
    gate: AnswerGate,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#work >= this.#workMax) {
        const limit = `${this.#workMax} requests are in progress`
        reject(new QuorateError('overloaded', limit, { retryAfterSeconds: 1 }))
        return
      }
      this.#work++
      this.#unanswered++
      let isAnswered = false
      /** The answer has left. */
      let isGone = false
      let isEnded = false
      const answer = (tell: () => void): void => {
        isAnswered = true
        this.#deadlines.cancel(lastResort)
        gate.pass(() => {
          if (isEnded) this.#work--
          isGone = true
          this.#unanswered--
          tell()
          if (this.#unanswered === 0) this.#drained?.()
        })
      }
      const ended = (tell: () => void): void => {
        assert(!isEnded, 'a request ends once')
        isEnded = true
        if (!isAnswered) answer(tell)
        else if (isGone) this.#work--
      }
      // Each mechanism also ends at the deadline, and its error is more precise. So this bound is a moment later.
      const lastResort = this.#deadlines.in(timeoutMs + LAST_RESORT_MS, () =>
        answer(() => reject(lateError(kind, timeoutMs))),
      )
      const end: RequestEnd<T> = {
        answered: (result) => ended(() => resolve(result)),
        failed: (error) => ended(() => reject(error as Error)),
      }
      orFail(end, () => work(end))
    })
  }

  /** Resolves once every request is answered. */
  drained(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }
}
