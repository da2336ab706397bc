/** The own disk as one of those that store the copy of a write. */
import type { Refusal } from '../wire/messages.ts'

/** Stores the copy on this node's own disk, as an owner or one to come. */
export type StoreLocally = (done: (refusal: Refusal | undefined) => void) => void

/** Starts to store now; tells the outcome to whoever asks, before or after it is known. */
export function startStoring(store: StoreLocally): StoreLocally {
  let finished = false
  let outcome: Refusal | undefined
  let waiting: ((refusal: Refusal | undefined) => void) | undefined
  store((refusal) => {
    finished = true
    outcome = refusal
    waiting?.(refusal)
  })
  return (done) => {
    if (finished) done(outcome)
    else waiting = done
  }
}
