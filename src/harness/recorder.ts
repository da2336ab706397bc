/**
 * Records the requests and answers of the clients, in one order and with one clock.
 *
 * An operation that ends in `info` may still take effect later. As in Jepsen, its process then ends and the client
 * continues as a new process, so that no process ever has two overlapping operations.
 */
import { NEMESIS, type HistoryEvent, type Json } from '../checker/history/history.ts'

/** An event takes about 400 bytes. A run that could exceed this limit is refused before it starts. */
export const HISTORY_EVENTS_MAX = 500_000

export interface Ending {
  readonly type: 'ok' | 'fail' | 'info'
  /** The value of the answer; undefined stands for the value of the request. */
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

  /** Time since the start, in ms. */
  get elapsedMs(): number {
    return this.#now() / 1e6
  }

  /** With `isNamed`, events carry the id of the session, which continues when its process must change. */
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

  /** Records a step of the nemesis as an event of its own: the action and the fault. */
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

/** The sequence of processes of one client. */
export interface Session {
  /** Records the start and the end of one operation. `ask` must not throw. */
  run<E extends Ending>(
    f: string,
    key: string,
    value: Json,
    ask: () => Promise<E>,
    /** The node that is asked; the client's own if undefined. */
    through?: string,
  ): Promise<E>
  /** Begins a new session: later operations belong to it. */
  renew(): void
}
