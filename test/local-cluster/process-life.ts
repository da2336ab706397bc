/** Tells whether processes are still alive. */

/** A process that has ended but was not collected by its parent yet counts as alive. */
export function isAlive(pid: number | null): boolean {
  if (pid === null) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
