/**
 * Starts the programs of other systems, and ends the processes that the benchmark started: cleanly, or by a guard if
 * the benchmark itself dies first.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const START_MS_MAX = 20_000
const POLL_MS = 100
const STOP_MS_MAX = 10_000
/** How long nodes may take to end by themselves after this process is gone. */
const NODES_END_SECONDS = 5

export interface ProgramsToStart {
  readonly program: string
  /** The arguments of each process. */
  readonly calls: readonly (readonly string[])[]
  readonly guard: LeftoversGuard
  /** Whether the processes serve clients together. A rejection means that they do not yet. */
  readonly isReady: () => Promise<boolean>
}

export interface RunningPrograms {
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** The first group of `pattern` in what the program prints about its version; undefined if it is not installed. */
export async function versionOf(
  program: string,
  flag: string,
  pattern: RegExp,
): Promise<string | undefined> {
  const said = await promisify(execFile)(program, [flag]).catch(() => undefined)
  return pattern.exec(said?.stdout ?? '')?.[1]
}

/** Starts one process for each call. Rejects after all of them have ended if they are not ready in time. */
export async function startPrograms(wanted: ProgramsToStart): Promise<RunningPrograms> {
  const { program, calls, guard, isReady } = wanted
  const processes = calls.map((args) => {
    // Give it its own session, so that Ctrl-C in the terminal reaches only this process.
    const child = spawn(program, args, { stdio: 'ignore', detached: true })
    // A program that cannot be started is never ready.
    child.on('error', () => {})
    if (child.pid !== undefined) guard.watch(child.pid)
    return child
  })
  const stop = async (): Promise<void> => void (await Promise.all(processes.map(stopProcess)))
  const endMs = Date.now() + START_MS_MAX
  while (!(await isReady().catch(() => false))) {
    if (Date.now() > endMs) {
      await stop()
      throw new Error(`${program} did not serve clients within ${START_MS_MAX / 1000} s`)
    }
    await sleep(POLL_MS)
  }
  return { pids: processes.map(({ pid }) => pid ?? 0), stop }
}

/** Sends SIGTERM, then SIGKILL if the process does not end in time. Resolves when it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  child.kill('SIGTERM')
  await exited
  clearTimeout(late)
}

export interface LeftoversGuard {
  /** Makes the guard end this process too, if it still runs then. */
  watch(pid: number): void
  /** Ends the guard, because everything has been cleaned up. */
  release(): void
}

/**
 * Starts a small shell that notices the end of this process, even by SIGKILL. It then ends the watched processes and
 * removes the directory. Nodes of this store need no watching, because they notice the end themselves.
 */
export function guardLeftovers(directory: string): LeftoversGuard {
  const script =
    'pids=; while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill $pids; ' +
    `sleep ${NODES_END_SECONDS}; rm -rf "$1"`
  const guard = spawn('sh', ['-c', script, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Without a shell there is no guard. A clean end still leaves nothing behind.
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  guard.unref()
  return {
    watch: (pid) => void guard.stdin.write(`${pid}\n`),
    release: () => {
      guard.kill('SIGKILL')
      guard.stdin.destroy()
    },
  }
}
