/** Loads one system with one workload, and measures what that cost its nodes. */
import { cpus } from 'node:os'
import type { Load } from './load/load.ts'
import type { LoadGenerator } from './load/load-generator.ts'
import { usageOf, usedByOthers } from './process-usage.ts'
import type { Measurement, NodeCounters, RunningSystem, Workload } from './systems/system.ts'

export interface LoadToMeasure {
  readonly system: RunningSystem
  readonly workload: Workload
  readonly seconds: number
  readonly connections: number
  readonly keys: number
  readonly stop: AbortSignal
  /** The number of the round. It chooses the node to which a single connection goes. */
  readonly turn: number
  /** Processes of measured systems that run meanwhile. They do not count as others. */
  readonly pids: readonly number[]
}

export async function measureLoad(
  generator: LoadGenerator,
  wanted: LoadToMeasure,
): Promise<Measurement> {
  const { system, workload, pids } = wanted
  // The counters are read outside the stretch in which CPU time counts, because reading them costs some.
  const countersBefore = await system.readCounters?.()
  const cpuBefore = cpuSecondsOf(system.pids)
  const othersBefore = usedByOthers(pids)
  const startMs = performance.now()
  const result = await generator.run(workload, loadOf(wanted))
  const tookSeconds = (performance.now() - startMs) / 1000
  const cpuAfter = cpuSecondsOf(system.pids)
  const othersAfter = usedByOthers(pids)
  const rss = system.pids.map((pid) => usageOf(pid)?.memoryBytes)
  const countersAfter = await system.readCounters?.()
  return {
    ...result,
    cpuUs: perAnswer(difference(cpuAfter, cpuBefore, 1e6), result.answers),
    counters: countersPerAnswer(countersBefore, countersAfter, result.answers),
    memoryBytes: rss.every((bytes) => bytes !== undefined) ? rss : undefined,
    othersShare: difference(othersAfter, othersBefore, 1 / tookSeconds / cpus().length),
  }
}

/** A single connection goes to one node; in the next round, to the next. */
function loadOf({ system, workload, turn, ...rest }: LoadToMeasure): Load {
  const { urls, access } = system
  const { seconds, connections, keys, stop } = rest
  const load = { urls, headers: access?.headers ?? {}, seconds, connections, keys, stop }
  if (workload.isAlone !== true) return load
  return { ...load, urls: [urls[turn % urls.length] ?? ''], connections: 1 }
}

/** With ended children, such as the process in which Redis rewrites its log. Undefined if a process is unknown. */
function cpuSecondsOf(pids: readonly number[]): number | undefined {
  return pids.reduce<number | undefined>((sum, pid) => {
    const usage = usageOf(pid)
    if (usage === undefined || sum === undefined) return undefined
    return sum + usage.cpuSeconds + usage.childrenCpuSeconds
  }, 0)
}

/** Not negative, because two readings of the machine are not made at exactly one time. */
function difference(
  after: number | undefined,
  before: number | undefined,
  factor: number,
): number | undefined {
  if (after === undefined || before === undefined) return undefined
  return Math.max(0, after - before) * factor
}

function perAnswer(total: number | undefined, answers: number): number | undefined {
  return total === undefined || answers === 0 ? undefined : total / answers
}

export function countersPerAnswer(
  before: NodeCounters | undefined,
  after: NodeCounters | undefined,
  answers: number,
): NodeCounters | undefined {
  if (before === undefined || after === undefined || answers === 0) return undefined
  return {
    commits: (after.commits - before.commits) / answers,
    messages: (after.messages - before.messages) / answers,
    frames: (after.frames - before.frames) / answers,
  }
}
