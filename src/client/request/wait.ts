/** Waits for an event until a time is over or a signal aborts, whichever comes first. */
import type { Clock } from './ports.ts'

/** The reason of a wait whose time is over. */
export const SILENCE = Symbol('no answer in time')

export class Wait {
  /** Its reason is SILENCE, or the reason of the signal that aborted. */
  readonly signal: AbortSignal
  readonly #stops: (() => void)[] = []

  constructor(clock: Clock, signals: readonly AbortSignal[], timeoutMs: number) {
    const controller = new AbortController()
    this.signal = controller.signal
    for (const source of signals) {
      const end = (): void => controller.abort(source.reason)
      if (source.aborted) end()
      source.addEventListener('abort', end)
      // A signal may live as long as the program, and would keep each wait alive.
      this.#stops.push(() => source.removeEventListener('abort', end))
    }
    this.#stops.push(clock.after(timeoutMs, () => controller.abort(SILENCE)))
  }

  /**
   * Settles like `event`, or rejects with the reason of `signal`, even if `event` ignores the signal. To be called once.
   */
  async until<T>(event: Promise<T>): Promise<T> {
    const { signal } = this
    let onAbort = (): void => undefined
    const ended = new Promise<typeof SILENCE>((resolve) => {
      onAbort = () => resolve(SILENCE)
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort)
    })
    try {
      const first = await Promise.race([ended, event])
      if (first === SILENCE) throw signal.reason
      return first
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const stop of this.#stops.splice(0)) stop()
    }
  }
}
