/** Ends what the benchmark started: in good order, or after its own end where that comes first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const STOP_MS_MAX = 10_000
/** What nodes may take to end by themselves when this process is gone. */
const NODES_END_SECONDS = 5

/** SIGTERM, and SIGKILL where that does not end it in time. Resolves when it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  child.kill('SIGTERM')
  await exited
  clearTimeout(late)
}

export interface LeftoversGuard {
  /** Ends this process too, if it is still there. */
  watch(pid: number): void
  /** All is gone already. */
  release(): void
}

/**
 * A small shell beside this process that notices its end, even by SIGKILL, then ends the processes it was told
 * of and removes the directory. Nodes of this store need not be told of: they notice by themselves.
 */
export function guardLeftovers(directory: string): LeftoversGuard {
  const script =
    'pids=; while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill $pids; ' +
    `sleep ${NODES_END_SECONDS}; rm -rf "$1"`
  const guard = spawn('sh', ['-c', script, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Without a shell there is no guard; an orderly end still leaves nothing behind.
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
