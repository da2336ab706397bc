/** Mints timestamps from a clock whose persisted bound may have to be raised first. */
import type { Timestamp } from '../../core/causality/dot.ts'
import { QuorateError } from '../../core/errors.ts'
import { DiskError } from '../../ports/disk.ts'
import type { NodeClock } from './node-clock.ts'

/** Number of tries to mint. Between two tries the clock's bound is raised. */
export const MINT_ATTEMPTS_MAX = 3

/** Mints `count` timestamps in one turn of the event loop, in ascending order. Rejects with a `QuorateError`. */
export async function mintTimestamps(clock: NodeClock, count: number): Promise<Timestamp[]> {
  for (let attempt = 1; attempt <= MINT_ATTEMPTS_MAX; attempt++) {
    const minted: Timestamp[] = []
    while (minted.length < count) {
      const timestamp = clock.mint()
      if (timestamp === undefined) break
      minted.push(timestamp)
    }
    if (minted.length === count) return minted
    await raiseBound(clock)
  }
  throw clockNotPersisted()
}

/** Rejects with storage_full or storage_failed. */
export async function raiseBound(clock: NodeClock): Promise<void> {
  try {
    await clock.raised()
  } catch (error) {
    const isFull = error instanceof DiskError && error.code === 'disk_full'
    const message = `the clock could not be persisted: ${String(error)}`
    const code = isFull ? 'storage_full' : 'storage_failed'
    throw new QuorateError(code, message, { retryAfterSeconds: 1 }, { cause: error })
  }
}

export function clockNotPersisted(): QuorateError {
  return new QuorateError('overloaded', 'the clock is waiting for the disk', {
    retryAfterSeconds: 1,
  })
}
