/** Timers of the Node.js event loop. */
import type { Timers } from '../../ports/timers.ts'

export const systemTimers: Timers = {
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  every: (intervalMs, task) => {
    const timer = setInterval(task, intervalMs)
    return { cancel: () => clearInterval(timer) }
  },
  // Runs after the I/O callbacks of this turn, so that messages that arrived together are handled together.
  soon: (task) => void setImmediate(task),
}
