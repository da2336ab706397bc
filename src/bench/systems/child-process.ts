/** Ends the processes that the benchmark started: cleanly, or by a guard if the benchmark itself dies first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const STOP_MS_MAX = 10_000
/** How long nodes may take to end by themselves after this process is gone. */
const NODES_END_SECONDS = 5

/** Sends SIGTERM, then SIGKILL if the process does not end in time. Resolves when it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
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
