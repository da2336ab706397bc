/** Structured log lines through pino: one JSON object a line, with the node's id on each. */
import { type DestinationStream, type Level, pino } from 'pino'

import type { Log } from '../../ports/log.ts'
import { type LogDestination, standardOutput } from './log-destination.ts'

export interface PinoLogOptions {
  readonly node: string
  readonly level: Level | 'silent'
  /** Standard output where absent. */
  readonly destination?: DestinationStream
}

/** The log of a whole process, and where it goes. */
export interface ProcessLog {
  readonly log: Log
  readonly destination: LogDestination
}

export function createPinoLog(options: PinoLogOptions): Log {
  const { node, level, destination = standardOutput() } = options
  return pino({ level, base: { node } }, destination)
}

/** Logs to `destination`, standard output by default, and says there how many lines it had to drop. */
export function createProcessLog(
  options: Omit<PinoLogOptions, 'destination'>,
  destination: LogDestination = standardOutput(),
): ProcessLog {
  const log = createPinoLog({ ...options, destination })
  destination.onResumed = (droppedLines) => {
    log.warn({ droppedLines }, 'log lines were dropped: the log could not be written')
  }
  return { log, destination }
}
