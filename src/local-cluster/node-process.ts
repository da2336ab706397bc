/**
 * One node of a local cluster as a child process: started until it answers, killed, paused, stopped. It does
 * nothing on its own: a process that ends unasked is reported, and stays ended until someone starts it.
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
  /** Of this node alone; made if absent. */
  readonly nodeDir: string
  readonly clientUrl: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What a process tells, or how it ends, without being asked. */
export interface NodeProcessEvents {
  readonly ended: (end: NodeEnd) => void
  /** The node says that it is no member of the cluster any more. */
  readonly removed: () => void
}

export interface NodeEnd {
  readonly sentence: string
  /** Another start would end in the same way: a setting is bad, or the database needs a repair. */
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
  /** Resolves when the node answers; rejects with NodeStartError where it ends, or does not answer in time. */
  start(): Promise<void>
  /** SIGKILL. Resolves when the process is gone; rejects where that does not end it, as do `stop` and `start`. */
  kill(): Promise<void>
  pause(): void
  resume(): void
  /** SIGTERM, and SIGKILL where that does not end it in time or `now` is aborted. Says which one ended it. */
  stop(now?: AbortSignal): Promise<'clean' | 'killed'>
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
/**
 * As docker/Dockerfile has them. Left alone, the young generation grows to 128 MiB on a large machine: more
 * than all the rest of a node, and no faster. A signal must not open a debugger port.
 */
const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--disable-sigusr1',
  '--max-semi-space-size=16',
]
/** What src/main.ts tells over the channel. */
const REMOVED = 'removed'
/** The settings are wrong, the only database is damaged, or the cluster refuses the node (src/main.ts). */
const FINAL_EXITS: ReadonlySet<number | null> = new Set([2, 3, 4])
const START_TIMEOUT_MS = 30_000
/** Longer than a node gives itself. */
const STOP_TIMEOUT_MS = 20_000

export function createNodeProcess(spec: NodeProcessSpec, events: NodeProcessEvents): NodeProcess {
  let child: ChildProcess | undefined
  let state: NodeState = 'stopped'
  let endGuard: (() => void) | undefined
  /** The process whose end somebody waits for, so that it is no news. */
  let awaited: ChildProcess | undefined
  /** The process that did not end when it was killed. */
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
      const sentence = `${spec.id} ended by itself (${cause})${words === '' ? '' : `: ${words}`}`
      events.ended({ sentence, isFinal: FINAL_EXITS.has(code) })
    })
    // Without a process there is no exit either.
    launched.once('error', () => (child = undefined))
    child = launched
    state = 'running'
    return launched
  }

  function spawnOn(log: number): ChildProcess {
    try {
      return spawn(process.execPath, [...NODE_FLAGS, MAIN], {
        env: spec.env,
        // The channel is how a node notices that its supervisor is gone.
        stdio: ['ignore', log, log, 'ipc'],
        // A session of its own, so that the terminal's Ctrl-C reaches it through its supervisor only.
        detached: true,
      })
    } finally {
      closeSync(log)
    }
  }

  /** `killed`: aborted once SIGKILL is sent. */
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
    // Its end is news when it comes, and nobody stays only to see it.
    awaited = undefined
    ending.unref()
    ending.channel?.unref()
    throw stuckError(ending)
  }

  function stuckError({ pid }: ChildProcess): NodeStartError {
    const sentence = `${spec.id} (process ${pid}) is not gone ${KILL_WAIT_MS_MAX / 1000} s after SIGKILL; its disk may stand still`
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
      // Its end is told by what this function throws.
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
      // From here on an end is news. One that came after the last answer was awaited, so it is told below.
      if (isAnswered && !ended.signal.aborted) {
        awaited = undefined
        return
      }
      const why = ended.signal.aborted
        ? lastWords(spec.nodeDir, logStart) || notSpawned || 'it ended without a word'
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
