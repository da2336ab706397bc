/** Stores the copy of a write on this node's own disk, in parallel with the requests to other owners. */
import type { Refusal } from '../wire/messages.ts'

/** Stores the copy on this node's own disk. The node is an owner, or will become one when a move completes. */
export type StoreLocally = (done: (refusal: Refusal | undefined) => void) => void

/** Starts to store at once. The returned function reports the outcome, now or as soon as it is known. */
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
