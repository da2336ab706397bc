/**
 * Reads the decided value of a strong key that has changed at an owner. The owner's record is a proposal that it has
 * accepted, and nobody may see it before it is decided.
 *
 * The value read has to be at least as new as that proposal. A read may return an older value while the proposal is
 * still under way. If the watch told that value, and the proposal were decided later, nothing would tell of it.
 */
import { compareBallots } from '../../core/consensus/ballot.ts'
import { ballotOf } from '../../core/consensus/register.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Timers } from '../../ports/timers.ts'

/** The pause before the proposal is looked for again. */
const PAUSE_MS = 100
const ATTEMPTS_MAX = 10

/** Undefined if the proposal was not decided in time, or if `read` rejects with a `QuorateError`. */
export async function decidedValue(
  timers: Timers,
  accepted: StoredObject,
  read: () => Promise<StoredObject>,
  isClosed: () => boolean,
): Promise<StoredObject | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX && !isClosed(); attempt++) {
    try {
      const object = await read()
      if (compareBallots(ballotOf(object), ballotOf(accepted)) >= 0) return object
    } catch (error) {
      if (!(error instanceof QuorateError)) throw error
      return undefined
    }
    await new Promise<void>((resolve) => void timers.after(PAUSE_MS, resolve))
  }
  return undefined
}
