/**
 * A wall clock that an experiment sets wrong. A file in the data directory names the offset and its end time; then the
 * clock jumps back. The monotonic clock is unaffected, as it is when somebody sets a real clock.
 *
 *   {"offsetMs":300000,"untilMs":1790000000000}
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { watchFaultFile } from './fault-file.ts'

export interface SkewedClock extends Clock {
  /** By how many ms the clock is wrong now. */
  offsetMs(): number
  stop(): void
}

interface ClockFault {
  readonly offsetMs: number
  /** Measured by the true clock. */
  readonly untilMs: number
}

/** `clock` with the offset that the file names. The file need not exist. */
export function skewedClock(clock: Clock, file: string, log: Log): SkewedClock {
  const fault = watchFaultFile(file, parseFault, log)
  const offsetMs = (): number => {
    const current = fault.current()
    return current === undefined || clock.wallMs() >= current.untilMs ? 0 : current.offsetMs
  }
  return {
    wallMs: () => clock.wallMs() + offsetMs(),
    monotonicMs: () => clock.monotonicMs(),
    offsetMs,
    stop: () => fault.stop(),
  }
}

function parseFault(content: unknown): ClockFault {
  const { offsetMs, untilMs } = content as ClockFault
  if (!Number.isFinite(offsetMs) || !Number.isFinite(untilMs)) {
    throw new TypeError('offsetMs and untilMs are numbers')
  }
  return { offsetMs, untilMs }
}
