/** Structured log lines through pino: one JSON object a line, with the node's id on each. */
import { type DestinationStream, type Level, pino } from 'pino'

import type { Log } from '../../ports/log.ts'

export interface PinoLogOptions {
  readonly node: string
  readonly level: Level | 'silent'
  /** Standard output where absent. */
  readonly destination?: DestinationStream
}

export function createPinoLog(options: PinoLogOptions): Log {
  const settings = { level: options.level, base: { node: options.node } }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination)
}
