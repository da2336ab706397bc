/** Waits for the end of a child process that gets a signal to end. */
import type { ChildProcess } from 'node:child_process'

/** SIGKILL does not end a thread that waits in the kernel for a stalled disk, so the wait is bounded. */
export const KILL_WAIT_MS_MAX = 5000

/** Whether the process ends. Waits without a limit until `killed` is aborted, and then for `waitMs`. */
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
