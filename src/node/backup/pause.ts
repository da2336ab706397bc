/** Waits for a while, in the time of the node. */
import type { Timers } from '../../ports/timers.ts'

export function pause(timers: Timers, forMs: number): Promise<void> {
  return new Promise((resolve) => void timers.after(forMs, resolve))
}
