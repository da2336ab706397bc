/**
 * Reads the processor time and memory of a process, and of the whole machine, from /proc. Only Linux has it.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const TICKS_PER_SECOND = 100
/** The share of one processor that the idle nodes of three clusters need together for gossip. */
const IDLE_CPU_SHARE = 0.25
const IDLE_LOOK_MS = 300
const IDLE_LOOKS_MAX = 10

export interface ProcessUsage {
  readonly cpuSeconds: number
  /** The processor time of its children that have ended. */
  readonly childrenCpuSeconds: number
  /**
   * Resident memory that belongs to the process alone. Pages of mapped files, such as the tables of LevelDB, do not count:
   * they are a cache, and the system drops them when it needs the memory.
   */
  readonly memoryBytes: number
}

export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const times = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return { ...times, memoryBytes: parseMemory(readFileSync(`/proc/${pid}/status`, 'utf8')) }
  } catch {
    return undefined
  }
}

/**
 * Parses `pid (name) state …`. The name may contain spaces and brackets, so fields are counted after its last bracket.
 */
export function parseStat(stat: string): Omit<ProcessUsage, 'memoryBytes'> {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15)
  return {
    cpuSeconds: (user + system) / TICKS_PER_SECOND,
    childrenCpuSeconds: (childrenUser + childrenSystem) / TICKS_PER_SECOND,
  }
}

/** Parses a line such as `RssAnon:     4096 kB`. */
export function parseMemory(status: string): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

/**
 * Processor seconds that other processes used: all but the given processes, this process and its ended children. The
 * measured processes could not run in this time. It includes time taken by other guests of the physical machine.
 */
export function usedByOthers(pids: readonly number[]): number | undefined {
  const self = usageOf(process.pid)
  if (self === undefined) return undefined
  const ours = pids.reduce((sum, pid) => sum + (usageOf(pid)?.cpuSeconds ?? 0), 0)
  const all = parseMachineStat(readFileSync('/proc/stat', 'utf8'))
  return all - ours - self.cpuSeconds - self.childrenCpuSeconds
}

/**
 * Processor seconds of all processes, without interrupts, because these serve the network of the measured processes.
 */
export function parseMachineStat(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? []
  return (user + nice + system + steal) / TICKS_PER_SECOND
}

/** Waits for a bounded time until these processes have finished the work that the previous load left behind. */
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
