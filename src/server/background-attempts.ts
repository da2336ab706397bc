/** Repeats what may fail until a majority of the members can be reached, in the background of a serving node. */
import { setTimeout as delay } from 'node:timers/promises'
import { AssertionError } from '../core/assert.ts'

export interface Attempts {
  /** Resolves once there is nothing left to do. */
  readonly attempt: () => Promise<void>
  /** Reports a failure. Returns true to give up. `count` counts from 1. */
  readonly failed: (error: unknown, count: number) => boolean
  readonly intervalMs: number
  readonly countMax?: number
}

/** Resolves after the attempt that succeeds, when there is no further attempt, or soon after `cancelled`. */
export async function repeatAttempts(
  { attempt, failed, intervalMs, countMax = Infinity }: Attempts,
  cancelled: AbortSignal,
): Promise<void> {
  for (let count = 1; count <= countMax && !cancelled.aborted; count++) {
    try {
      return await attempt()
    } catch (error) {
      // The node is stopping and its disk is closing, so this failure says nothing about the cluster.
      if (cancelled.aborted) return
      if (error instanceof AssertionError) throw error
      if (failed(error, count)) return
      await delay(intervalMs, undefined, { signal: cancelled }).catch(() => undefined)
    }
  }
}
