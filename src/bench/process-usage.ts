/** What a process has used, from /proc: processor time and memory. Elsewhere than on Linux there is none. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096
/** Together, of one processor: what idle nodes of three clusters need to watch each other. */
const IDLE_CPU_SHARE = 0.25
const IDLE_LOOK_MS = 300
const IDLE_LOOKS_MAX = 10

export interface ProcessUsage {
  readonly cpuSeconds: number
  readonly rssBytes: number
}

export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return undefined
  }
}

/** `pid (name) state …`: the name may have spaces and brackets, so fields are counted from behind it. */
export function parseStat(stat: string): ProcessUsage {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [userTicks = 0, systemTicks = 0] = fields.slice(11, 13)
  return {
    cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND,
    rssBytes: (fields[21] ?? 0) * PAGE_BYTES,
  }
}

/** Waits, not for ever, until these processes have done what the load before left them to do. */
export async function waitUntilIdle(pids: readonly number[]): Promise<void> {
  const usedSeconds = (): number =>
    pids.reduce((sum, pid) => sum + (usageOf(pid)?.cpuSeconds ?? 0), 0)
  for (let look = 0, before = usedSeconds(); look < IDLE_LOOKS_MAX; look++) {
    await sleep(IDLE_LOOK_MS)
    const after = usedSeconds()
    if (after - before < (IDLE_CPU_SHARE * IDLE_LOOK_MS) / 1000) return
    before = after
  }
}
