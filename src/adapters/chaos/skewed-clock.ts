/**
 * A wall clock that is set wrong for an experiment, as a file in the data directory says, until the moment that
 * it names: then it jumps back. The monotonic clock goes on, as it does where a real clock is set.
 *
 *   {"offsetMs":300000,"untilMs":1790000000000}
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { watchFaultFile } from './fault-file.ts'

export interface SkewedClock extends Clock {
  /** How wrong it is now, in ms. */
  offsetMs(): number
  stop(): void
}

interface ClockFault {
  readonly offsetMs: number
  /** By the true clock. */
  readonly untilMs: number
}

/** `clock` as the file has it from now on; it need not exist. */
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
