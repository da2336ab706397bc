/** Opens the destination of the audit log. Lines that it cannot take are dropped: requests never wait for it. */
import { closeSync, constants, openSync } from 'node:fs'
import { LogDestination } from '../adapters/log/log-destination.ts'
import { SettingError } from './settings/setting-syntax.ts'

export interface AuditOutput {
  /** Takes a line with its end, or drops it and returns false. */
  readonly write: (line: string) => boolean
  /** Resolves when the last lines are written, or cannot be. */
  readonly close: () => Promise<void>
}

/** The name of the setting's value for standard output. */
const STDOUT = 'stdout'
const FLUSH_MS_MAX = 1000
/** Without O_NONBLOCK, a named pipe that nobody reads would hold up the whole process. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK
/** Lines name keys, so only the owner of the process reads them. */
const MODE = 0o600

/** `log`: the destination of the process's log, which is standard output, too. */
export function openAudit(setting: string, log: LogDestination): AuditOutput {
  // Two writers of one pipe could cut each other's lines.
  if (setting === STDOUT) return { write: (line) => log.write(line), close: async () => undefined }
  const fd = opened(setting)
  const destination = new LogDestination({ fd })
  return {
    write: (line) => destination.write(line),
    close: async () => {
      await destination.flush(FLUSH_MS_MAX)
      // A line that is written later must not go to another file that has got this descriptor.
      if (destination.isIdle) closeSync(fd)
    },
  }
}

function opened(path: string): number {
  try {
    return openSync(path, FLAGS, MODE)
  } catch (error) {
    throw new SettingError(`QUORATE_AUDIT_LOG=${JSON.stringify(path)}: ${(error as Error).message}`)
  }
}
