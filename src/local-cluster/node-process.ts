/**
 * One node of a local cluster as a child process that can be started, killed, paused and stopped. It never restarts by
 * itself: if the process ends unasked, this file reports it, and the caller decides whether to start it again.
 *
 * Invariant: at most one process at a time; `state` is 'stopped' or 'killed' exactly while there is none.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pollUntilOk } from './http-poll.ts'
import { lastWords, logPath, logSize, openLog } from './node-log.ts'
import { endsAfter, KILL_WAIT_MS_MAX } from './process-end.ts'
import { guardPaused } from './resume-guard.ts'

export type NodeState = 'running' | 'paused' | 'killed' | 'stopped'

export interface NodeProcessSpec {
  readonly id: string
  /** The directory of this node alone; created if absent. */
  readonly nodeDir: string
  readonly clientUrl: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Events of a process that nobody requested. */
export interface NodeProcessEvents {
  readonly ended: (end: NodeEnd) => void
  /** The node reports that it is no longer a member of the cluster. */
  readonly removed: () => void
}

export interface NodeEnd {
  readonly sentence: string
  /** Whether another start would end in the same way: a setting is bad, or the database needs a repair. */
  readonly isFinal: boolean
}

/** The message is one sentence. */
export class NodeStartError extends Error implements NodeEnd {
  readonly isFinal: boolean

  constructor({ sentence, isFinal }: NodeEnd) {
    super(sentence)
    this.name = 'NodeStartError'
    this.isFinal = isFinal
  }

  get sentence(): string {
    return this.message
  }
}

export interface NodeProcess {
  readonly spec: NodeProcessSpec
  readonly state: NodeState
  readonly pid: number | null
  /** Resolves when the node answers. Rejects with NodeStartError if it ends or does not answer in time. */
  start(): Promise<void>
  /**
   * Sends SIGKILL. Resolves when the process is gone. Rejects if the process does not end; so do `stop` and `start`.
   */
  kill(): Promise<void>
  pause(): void
  resume(): void
  /**
   * Sends SIGTERM, then SIGKILL if the process does not end in time or `now` is aborted. Returns which one ended it.
   */
  stop(now?: AbortSignal): Promise<'clean' | 'killed'>
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
/**
 * The flags of docker/Dockerfile. By default the young generation of the heap grows to 128 MiB on a large machine,
 * which is more than the rest of a node and no faster. SIGUSR1 must not open a debugger port.
 */
const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--disable-sigusr1',
  '--max-semi-space-size=16',
]
/** The message that src/main.ts sends over the IPC channel. */
const REMOVED = 'removed'
/** Exit codes of src/main.ts: bad settings, a damaged database that no node can fill, the cluster refuses the node. */
const FINAL_EXITS: ReadonlySet<number | null> = new Set([2, 3, 4])
const START_TIMEOUT_MS = 30_000
/** Longer than a node allows itself for a clean stop. */
const STOP_TIMEOUT_MS = 20_000

export function createNodeProcess(spec: NodeProcessSpec, events: NodeProcessEvents): NodeProcess {
  let child: ChildProcess | undefined
  let state: NodeState = 'stopped'
  let endGuard: (() => void) | undefined
  /** The process whose end a caller awaits, so that it is not reported as an event. */
  let awaited: ChildProcess | undefined
  /** A process that did not end after SIGKILL. */
  let stuck: ChildProcess | undefined

  function launch(): ChildProcess {
    mkdirSync(spec.nodeDir, { recursive: true })
    const logStart = logSize(spec.nodeDir)
    const log = openLog(spec.nodeDir)
    const launched = spawnOn(log)
    launched.on('message', (message) => {
      if (message === REMOVED && child === launched) events.removed()
    })
    launched.once('exit', (code, signal) => {
      endGuard?.()
      endGuard = undefined
      child = undefined
      if (awaited === launched) return
      state = 'stopped'
      const cause = signal === null ? `exit code ${code}` : signal
      const words = lastWords(spec.nodeDir, logStart)
      const sentence = `${spec.id} exited unexpectedly (${cause})${words === '' ? '' : `: ${words}`}`
      events.ended({ sentence, isFinal: FINAL_EXITS.has(code) })
    })
    // A process that could not be spawned emits no exit event.
    launched.once('error', () => (child = undefined))
    child = launched
    state = 'running'
    return launched
  }

  function spawnOn(log: number): ChildProcess {
    try {
      return spawn(process.execPath, [...NODE_FLAGS, MAIN], {
        env: spec.env,
        // The IPC channel closes with the supervisor, so that the node notices that it is gone.
        stdio: ['ignore', log, log, 'ipc'],
        // Give the node its own session, so that Ctrl-C in the terminal reaches only the supervisor.
        detached: true,
      })
    } finally {
      closeSync(log)
    }
  }

  /** `killed` is aborted when SIGKILL is sent. */
  async function endWith(
    signal: 'SIGKILL' | 'SIGTERM',
    then: NodeState,
    killed = AbortSignal.abort(),
  ): Promise<void> {
    const ending = child
    if (ending === undefined) {
      state = then
      return
    }
    awaited = ending
    const isGone = endsAfter(ending, killed)
    if (signal === 'SIGTERM') resume()
    ending.kill(signal)
    if (await isGone) {
      state = then
      return
    }
    stuck = ending
    // Report its end when it comes, but do not keep this process alive for it.
    awaited = undefined
    ending.unref()
    ending.channel?.unref()
    throw stuckError(ending)
  }

  function stuckError({ pid }: ChildProcess): NodeStartError {
    const sentence = `${spec.id} (process ${pid}) still runs ${KILL_WAIT_MS_MAX / 1000} s after SIGKILL; its disk may be stalled`
    return new NodeStartError({ sentence, isFinal: false })
  }

  function launchOrSay(): ChildProcess {
    try {
      return launch()
    } catch (error) {
      state = 'stopped'
      const sentence = `${spec.id} could not start: ${(error as Error).message}`
      throw new NodeStartError({ sentence, isFinal: false })
    }
  }

  function resume(): void {
    child?.kill('SIGCONT')
    endGuard?.()
    endGuard = undefined
    if (state === 'paused') state = 'running'
  }

  return {
    spec,
    get state() {
      return state
    },
    get pid() {
      return child?.pid ?? null
    },
    start: async () => {
      if (child !== undefined && child === stuck) throw stuckError(child)
      if (child !== undefined) return
      const logStart = logSize(spec.nodeDir)
      const starting = launchOrSay()
      // The error of this function reports the end of the process.
      awaited = starting
      const ended = new AbortController()
      starting.once('exit', () => ended.abort())
      let notSpawned = ''
      starting.once('error', ({ message }) => {
        notSpawned = message
        ended.abort()
      })
      const giveUp = AbortSignal.any([ended.signal, AbortSignal.timeout(START_TIMEOUT_MS)])
      const isAnswered = await pollUntilOk(`${spec.clientUrl}/livez`, giveUp)
      // From here on an end is an event. If the process ended just after its answer, the error below reports it.
      if (isAnswered && !ended.signal.aborted) {
        awaited = undefined
        return
      }
      const why = ended.signal.aborted
        ? lastWords(spec.nodeDir, logStart) || notSpawned || 'it exited without a message'
        : `no answer within ${START_TIMEOUT_MS / 1000} s`
      await endWith('SIGKILL', 'stopped')
      const sentence = `${spec.id} could not start: ${why} (log: ${logPath(spec.nodeDir)})`
      throw new NodeStartError({ sentence, isFinal: FINAL_EXITS.has(starting.exitCode) })
    },
    kill: () => endWith('SIGKILL', 'killed'),
    pause: () => {
      if (child?.pid === undefined || state === 'paused') return
      endGuard = guardPaused(child.pid)
      child.kill('SIGSTOP')
      state = 'paused'
    },
    resume,
    stop: async (now) => {
      const late = AbortSignal.timeout(STOP_TIMEOUT_MS)
      const impatient = now === undefined ? late : AbortSignal.any([late, now])
      let ended: 'clean' | 'killed' = 'clean'
      const force = (): void => {
        if (child?.kill('SIGKILL') === true) ended = 'killed'
      }
      impatient.addEventListener('abort', force, { once: true })
      if (impatient.aborted) force()
      try {
        await endWith('SIGTERM', 'stopped', impatient)
      } finally {
        impatient.removeEventListener('abort', force)
      }
      return ended
    },
  }
}
