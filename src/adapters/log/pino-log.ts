/** Writes structured log lines through pino: one JSON object a line, each with the node's id. */
import { type DestinationStream, type Level, pino } from 'pino'

import type { Log } from '../../ports/log.ts'
import { type LogDestination, standardOutput } from './log-destination.ts'

export interface PinoLogOptions {
  readonly node: string
  readonly level: Level | 'silent'
  /** Standard output if absent. */
  readonly destination?: DestinationStream
}

/** The log of a process, and the destination of its lines. */
export interface ProcessLog {
  readonly log: Log
  readonly destination: LogDestination
}

export function createPinoLog(options: PinoLogOptions): Log {
  const { node, level, destination = standardOutput() } = options
  return pino({ level, base: { node } }, destination)
}

/** Logs to `destination`, standard output by default. After dropping lines it logs their number. */
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
