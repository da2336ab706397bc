/** The process of one node: its start, its signals, and its end. */
import { flushCompileCache } from 'node:module'
import { setTimeout as after } from 'node:timers/promises'
import { NotAdmittedError } from '../adapters/peer-network/join-request.ts'
import type { LogDestination } from '../adapters/log/log-destination.ts'
import type { ProcessLog } from '../adapters/log/pino-log.ts'
import { logOf, startServer, type RunningServer } from './compose.ts'
import { repairDatabase } from './database-repair.ts'
import {
  EXIT_DAMAGED,
  EXIT_FAILED,
  EXIT_NOT_ADMITTED,
  EXIT_STOPPED,
  EXIT_USAGE,
  leave,
} from './exit.ts'
import { DamagedAloneError } from './node-disk.ts'
import { SettingError } from './settings/setting-syntax.ts'
import type { Settings } from './settings/settings.ts'

/** What a supervisor is told when the node is no member any more (src/local-cluster/node-process.ts). */
const REMOVED = 'removed'

/**
 * A stop that takes longer, after QUORATE_DRAIN_MS, is given up within the 15 s promised: what was acknowledged is
 * durable already.
 */
const STOP_MS_MAX = 13_000
/** A start that has not ended so long after the signal has nothing that a stop must end. */
const START_GIVEN_UP_MS = 1000
/** How long the last lines of the log may take. */
const FLUSH_MS_MAX = 1000

/** Runs a node until it is told to stop. A start that fails ends the process with one line. */
export async function runNode(settings: Settings, ignored: readonly string[]): Promise<void> {
  const processLog = logOf(settings)
  const { log, destination } = processLog
  const breakDown = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : String(error)
    log.error({ stack }, 'this node cannot go on')
    endAtOnce(destination)
  }
  process.on('uncaughtException', breakDown)
  if (ignored.length > 0) log.warn({ ignored }, 'these variables are no settings: ignored')
  // Sent by log rotation to programs that keep a log file open, and by a terminal that closes.
  process.on('SIGHUP', () => log.info({}, 'SIGHUP is ignored: SIGTERM stops this node'))
  const giveUp = new AbortController()
  // A supervisor stops this process. Without one it goes on and refuses every request, because whatever started it may
  // start it again for ever.
  const onRemoved = (): void => void process.send?.(REMOVED, undefined, undefined, () => undefined)
  const hooks = { onBroken: breakDown, onRemoved, stop: giveUp.signal }
  const starting = startServer(settings, hooks, processLog)
  stopOnRequest(settings, starting, giveUp, processLog)
  try {
    const { clientPort, peerPort } = await starting
    const { dataDir, durability } = settings
    log.info({ clientPort, peerPort, dataDir, durability, pid: process.pid }, 'ready')
    // Node.js writes its cache of compiled modules only at a clean end, and a node may be killed.
    flushCompileCache()
  } catch (error) {
    if (giveUp.signal.aborted) return
    await destination.flush(FLUSH_MS_MAX)
    leave(exitCodeOf(error), `${settings.nodeId} cannot start: ${(error as Error).message}`)
  }
}

/** Saves what can be read of this node's database, and says what that is. */
export async function repairNode(settings: Settings): Promise<void> {
  if (settings.members.length !== 1) {
    // The other nodes would count its copies and promises although some of them are lost.
    leave(
      EXIT_USAGE,
      '--repair is for a cluster of one node: start this node, and the others fill it',
    )
  }
  const { log, destination } = logOf(settings)
  try {
    const { before, readableKeys, damagedValues, isStateKept } = await repairDatabase(
      settings.dataDir,
      log,
    )
    await destination.flush(FLUSH_MS_MAX)
    process.stdout.write(
      `${readableKeys} keys can be read; ${damagedValues} damaged values were removed.\n` +
        `The files as they were are in ${before}.\n` +
        (isStateKept
          ? ''
          : 'The buckets are lost: create them again with the modes that they had.\n'),
    )
  } catch (error) {
    leave(EXIT_FAILED, `the repair failed: ${(error as Error).message}`)
  }
}

function stopOnRequest(
  settings: Settings,
  starting: Promise<RunningServer>,
  giveUp: AbortController,
  { log, destination }: ProcessLog,
): void {
  let isStopping = false
  const stop = async (reason: string): Promise<void> => {
    if (isStopping) endAtOnce(destination)
    isStopping = true
    log.info({ reason }, 'stopping')
    const afterMs = settings.drainMs + STOP_MS_MAX
    setTimeout(() => {
      log.error({ afterMs }, 'the stop takes too long and is given up')
      endAtOnce(destination)
    }, afterMs).unref()
    giveUp.abort(new Error('this node is stopping'))
    // A start that was given up leaves nothing to stop. One that waits for other members has told no client anything.
    const server = await Promise.race([
      starting.catch(() => undefined),
      after(START_GIVEN_UP_MS, undefined, { ref: false }),
    ])
    await server?.stop()
    log.info({}, 'stopped')
    await destination.flush(FLUSH_MS_MAX)
    end(EXIT_STOPPED, destination)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
  if (settings.supervised) process.on('disconnect', () => void stop('the supervisor has gone'))
}

/** `process.exit` waits for the threads of the pool, and one that writes the log may be stuck. */
function end(code: number, destination: LogDestination): never {
  if (destination.isStuck) killSelf()
  process.exit(code)
}

/**
 * Not by `process.exit`: it waits for what is under way in the threads of the pool and in LevelDB, and on a disk that
 * does not answer that is for ever. A kill loses nothing that was acknowledged.
 */
function endAtOnce(destination: LogDestination): never {
  destination.flushSync()
  killSelf()
}

function killSelf(): never {
  process.kill(process.pid, 'SIGKILL')
  // The kernel ignores that signal where this is process 1 of a container; an abort ends it.
  process.abort()
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingError) return EXIT_USAGE
  if (error instanceof DamagedAloneError) return EXIT_DAMAGED
  return error instanceof NotAdmittedError ? EXIT_NOT_ADMITTED : EXIT_FAILED
}
