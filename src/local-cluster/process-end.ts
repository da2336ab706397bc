/** Waits for the end of a child process that has been told to end, or is going to be. */
import type { ChildProcess } from 'node:child_process'

/** Threads that wait in the kernel for a disk that stands still do not die of SIGKILL. */
export const KILL_WAIT_MS_MAX = 5000

/** Whether the process ends: waits for it until `killed` is aborted, and from then on for `waitMs`. */
export function endsAfter(
  child: ChildProcess,
  killed: AbortSignal,
  waitMs = KILL_WAIT_MS_MAX,
): Promise<boolean> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const settle = (isGone: boolean): void => {
      clearTimeout(timer)
      killed.removeEventListener('abort', wait)
      child.off('exit', gone)
      resolve(isGone)
    }
    const gone = (): void => settle(true)
    const wait = (): void => {
      timer = setTimeout(() => settle(false), waitMs)
    }
    child.once('exit', gone)
    if (killed.aborted) wait()
    else killed.addEventListener('abort', wait, { once: true })
  })
}
