/** Defines what clients do with keys of one kind, and reads these keys at the end of a run. */
import type { ReadAnswer, ReadRequest } from '../../node/service/service.ts'
import type { Via, Work } from './client.ts'

export interface Workload {
  readonly work: Work
  /** Reads each key finally. Calls back with the number of keys that could not be read. */
  readonly readAll: (via: Via, done: (unread: number) => void) => void
}

/** Reads all keys at once, and calls `check` with each answer. */
export function readEach(
  keys: readonly string[],
  asked: (key: string) => { readonly label: string; readonly options: ReadRequest },
  check: (via: Via, key: string, answer: ReadAnswer) => void,
): Workload['readAll'] {
  return (via, done) => {
    let waiting = keys.length
    let unread = 0
    for (const key of keys) {
      const { label, options } = asked(key)
      via.call(
        `final get ${label}`,
        (service) => service.get(options),
        (outcome) => {
          if (outcome.type === 'ok') check(via, key, outcome.answer)
          else unread++
          if (--waiting === 0) done(unread)
        },
      )
    }
  }
}
