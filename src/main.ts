/**
 * The program of one node: settings from the environment, a node from the settings, and a clean end.
 *
 * Exit codes: 0 stopped, 1 could not start or go on, 2 bad setting.
 */
import { logOf, startServer, type RunningServer } from './compose.ts'
import type { Log } from './ports/log.ts'
import { describeSettings, parseSettings, type Settings } from './settings.ts'

const EXIT_STOPPED = 0
const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** A stop that takes longer is given up: what was acknowledged is durable already. */
const STOP_MS_MAX = 15_000

const [, , ...args] = process.argv
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(describeSettings())
} else if (args.length > 0) {
  leave(EXIT_USAGE, `there is no argument ${JSON.stringify(args[0])}; --help lists the settings`)
} else {
  const parsed = parseSettings(process.env)
  if (parsed.ok) await run(parsed.settings)
  else leave(EXIT_USAGE, parsed.problem)
}

async function run(settings: Settings): Promise<void> {
  const log = logOf(settings)
  const breakDown = (error: unknown): never => {
    const stack = error instanceof Error ? error.stack : String(error)
    log.error({ stack }, 'this node cannot go on')
    process.exit(EXIT_FAILED)
  }
  process.on('uncaughtException', breakDown)
  const giveUp = new AbortController()
  const starting = startServer(settings, { onBroken: breakDown, stop: giveUp.signal }, log)
  stopOnRequest(settings, starting, giveUp, log)
  try {
    const { clientPort, peerPort } = await starting
    const { dataDir, durability } = settings
    log.info({ clientPort, peerPort, dataDir, durability, pid: process.pid }, 'ready')
  } catch (error) {
    if (giveUp.signal.aborted) return
    leave(EXIT_FAILED, `${settings.nodeId} cannot start: ${(error as Error).message}`)
  }
}

function stopOnRequest(
  settings: Settings,
  starting: Promise<RunningServer>,
  giveUp: AbortController,
  log: Log,
): void {
  let isStopping = false
  const stop = async (reason: string): Promise<void> => {
    if (isStopping) process.exit(EXIT_FAILED)
    isStopping = true
    log.info({ reason }, 'stopping')
    setTimeout(() => {
      log.error({ afterMs: STOP_MS_MAX }, 'the stop takes too long and is given up')
      process.exit(EXIT_FAILED)
    }, STOP_MS_MAX).unref()
    giveUp.abort(new Error('this node is stopping'))
    // A start that was given up leaves nothing to stop.
    const server = await starting.catch(() => undefined)
    await server?.stop()
    log.info({}, 'stopped')
    process.exit(EXIT_STOPPED)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
  if (settings.supervised) process.on('disconnect', () => void stop('the supervisor has gone'))
}

function leave(code: number, line: string): never {
  process.stderr.write(`quorate: ${line}\n`)
  process.exit(code)
}
