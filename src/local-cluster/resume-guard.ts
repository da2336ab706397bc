/**
 * Makes sure that a paused process continues if the process that paused it dies. The paused process cannot notice
 * anything itself, and a timer of the pausing process dies with it. So the guard is a separate process that waits for
 * the end of a pipe, which the kernel closes in any case.
 */
import { spawn } from 'node:child_process'

/** Returns a function that ends the guard. The paused process then continues. */
export function guardPaused(pid: number): () => void {
  // `read` returns at the end of the pipe, because nobody ever writes to it.
  const guard = spawn('sh', ['-c', `read -r _; kill -CONT ${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Give the guard its own session, so that Ctrl-C in the terminal does not end it too early.
    detached: true,
  })
  // Without a shell there is no guard; the pause still ends with its lease.
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  guard.unref()
  return () => guard.stdin.destroy()
}
