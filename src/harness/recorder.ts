/**
 * Writes down what the clients ask and are told, in one order and with one clock.
 *
 * A client whose operation ends in `info` may still take effect later; its process is retired and the client
 * goes on as another, as in Jepsen, so that no process ever has two operations that overlap.
 */
import { NEMESIS, type HistoryEvent, type Json } from '../checker/history/history.ts'

/** About 400 bytes an event; a run that could pass this is refused before it starts. */
export const HISTORY_EVENTS_MAX = 500_000

export interface Ending {
  readonly type: 'ok' | 'fail' | 'info'
  /** What was answered; the asked value where undefined. */
  readonly value?: Json
  readonly error?: string
}

export class Recorder {
  readonly #startedAt = process.hrtime.bigint()
  readonly #events: HistoryEvent[] = []
  #nextProcess = 0
  #nextSession = 0

  get events(): readonly HistoryEvent[] {
    return this.#events
  }

  /** Since the start, in ms. */
  get elapsedMs(): number {
    return this.#now() / 1e6
  }

  /** `isNamed`: the events say whose session they are of, which goes on where its process cannot. */
  session(node: string, isNamed: boolean): Session {
    let process = this.#nextProcess++
    let session = this.#nextSession++
    return {
      renew: () => {
        process = this.#nextProcess++
        session = this.#nextSession++
      },
      run: async (f, key, value, ask, through = node) => {
        const of = isNamed ? { session } : {}
        const asked = { process, f, key, node: through, ...of }
        this.#append({ ...asked, type: 'invoke', value })
        const ending = await ask()
        const error = ending.error === undefined ? {} : { error: ending.error }
        this.#append({ ...asked, type: ending.type, value: ending.value ?? value, ...error })
        if (ending.type === 'info') process = this.#nextProcess++
        return ending
      },
    }
  }

  /** A fault, as its own event: what, and on whom or how. */
  nemesis(f: string, value: Json): void {
    this.#append({ process: NEMESIS, type: 'info', f, value })
  }

  #append(event: Omit<HistoryEvent, 'index' | 'time'>): void {
    if (this.#events.length >= HISTORY_EVENTS_MAX) {
      throw new Error(`the history has reached its limit of ${HISTORY_EVENTS_MAX} events`)
    }
    this.#events.push({ index: this.#events.length, time: this.#now(), ...event })
  }

  #now(): number {
    return Number(process.hrtime.bigint() - this.#startedAt)
  }
}

/** One client's line of processes. */
export interface Session {
  /** Records the asking and the ending of one operation. `ask` must not throw. */
  run<E extends Ending>(
    f: string,
    key: string,
    value: Json,
    ask: () => Promise<E>,
    /** The node that is asked; the client's own where undefined. */
    through?: string,
  ): Promise<E>
  /** What follows is of another session. */
  renew(): void
}
