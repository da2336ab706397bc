/**
 * Tells a node to have a wrong clock, and checks that it does. All processes and containers of a machine share one
 * clock, so the node itself adds an offset. A file in its data directory names the offset and its end time
 * (src/adapters/chaos/skewed-clock.ts).
 */
import type { ClockFault } from './chaos-fault.ts'

export const CLOCK_FAULT_FILE = 'clock.json'
const GAUGE = /^quorate_chaos_clock_offset_seconds (\S+)$/m

/** The content of the file. `untilMs` is wall clock in ms since 1970. */
export function clockFaultText({ offsetMs }: ClockFault, untilMs: number): string {
  return JSON.stringify({ offsetMs, untilMs })
}

/** Describes how the clock differs from the fault; empty if the node's metrics show the wanted offset. */
export function clockTrouble(
  { node, offsetMs }: Pick<ClockFault, 'node' | 'offsetMs'>,
  metrics: string,
): string {
  const shown = GAUGE.exec(metrics)?.[1]
  if (shown === undefined) return `${node} runs without QUORATE_CHAOS=1: its clock cannot be set`
  return Number(shown) === offsetMs / 1000 ? '' : `the clock of ${node} is ${shown} s off`
}
