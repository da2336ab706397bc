/** What a process has used, from /proc: processor time and memory. Elsewhere than on Linux there is none. */
import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

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
