/** How the process of a node ends. */
import { complain } from '../adapters/log/log-destination.ts'

export const EXIT_STOPPED = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
export const EXIT_DAMAGED = 3
export const EXIT_NOT_ADMITTED = 4

/** Ends the process with one line that says why. */
export function leave(code: number, line: string): never {
  complain(`quorate: ${line}`)
  process.exit(code)
}
