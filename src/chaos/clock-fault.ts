/**
 * How a node is told to have a wrong clock, and how it is seen to have one. All that runs on a machine, or in its
 * containers, shares one clock; so the node itself reads its own as much too late or too early as a file in its
 * data directory says (src/adapters/chaos/skewed-clock.ts), which also says until when.
 */
import type { ClockFault } from './chaos-fault.ts'

export const CLOCK_FAULT_FILE = 'clock.json'
const GAUGE = /^quorate_chaos_clock_offset_seconds (\S+)$/m

/** What the file says. `untilMs` is wall clock, ms since 1970. */
export function clockFaultText({ offsetMs }: ClockFault, untilMs: number): string {
  return JSON.stringify({ offsetMs, untilMs })
}

/** What is not as it should be, in words; empty where the node's metrics say that its clock is set so. */
export function clockTrouble(
  { node, offsetMs }: Pick<ClockFault, 'node' | 'offsetMs'>,
  metrics: string,
): string {
  const shown = GAUGE.exec(metrics)?.[1]
  if (shown === undefined) return `${node} runs without QUORATE_CHAOS=1: its clock cannot be set`
  return Number(shown) === offsetMs / 1000 ? '' : `the clock of ${node} is ${shown} s off`
}
