/**
 * Makes sure that a paused process goes on when whoever paused it is gone, however that came about. A process
 * that is stopped cannot notice anything itself, and a timer in the one that paused it ends with it; the guard
 * is a process of its own that waits for the end of a pipe, which the kernel closes in any case.
 */
import { spawn } from 'node:child_process'

/** Returns what ends the guard, after which the process goes on at the latest. */
export function guardPaused(pid: number): () => void {
  // `read` ends at the end of the pipe; nothing is ever written to it.
  const guard = spawn('sh', ['-c', `read -r _; kill -CONT ${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own, so that the terminal's Ctrl-C does not end it before its work is done.
    detached: true,
  })
  // Without a shell there is no guard; the pause still ends with its lease.
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  guard.unref()
  return () => guard.stdin.destroy()
}
