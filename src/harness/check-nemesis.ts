/**
 * Plans the faults of a run from its seed, and carries the plan out. Every fault is a lease that ends LEASE_MARGIN_MS
 * after its planned end, so that it ends even if this process dies before it heals the fault.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Recorder } from './recorder.ts'
import type { SeededRandom } from '../random/seeded-random.ts'

export const FAULTS = [
  'partition-halves',
  'isolate',
  'bridge',
  'ring',
  'cut',
  'oneway',
  'loss',
  'flap',
  'kill',
  'restart',
  'pause',
  'skew',
] as const
/** Damage to the files of a killed node. Not part of `mix`, because the node must then be filled again. */
export const FILE_FAULTS = ['bitflip', 'truncate'] as const
export type Fault = (typeof FAULTS | typeof FILE_FAULTS)[number]

/** Changes of the members (check-membership.ts), besides the faults. Not part of `mix`. */
export const MEMBERSHIP = 'membership'
/** Faults of a single node. Only these can be combined with changes of the members. */
export const OF_ONE_NODE: readonly Fault[] = ['isolate', 'kill', 'restart', 'pause', 'skew']

/** The faults of a run, written as on its command line. */
export function nemesisOf(faults: readonly string[], changesMembers: boolean): string {
  const isMix = FAULTS.every((fault) => faults.includes(fault))
  const others = faults.filter((fault) => !isMix || !FAULTS.some((known) => known === fault))
  const names = [...(isMix ? ['mix'] : []), ...others, ...(changesMembers ? [MEMBERSHIP] : [])]
  return names.length === 0 ? 'none' : names.join(',')
}

export function isFileFault([fault]: readonly string[]): boolean {
  return FILE_FAULTS.some((known) => known === fault)
}

/** The interface that the harness needs from a target to inject faults. */
export interface FaultDriver {
  /** Resolves when the effect has been probed. `command` holds words of the chaos command line: `['isolate', 'n3']`. */
  inject(command: readonly string[], leaseMs: number): Promise<void>
  /** Undoes all faults, and waits until nodes with damaged files are filled again. Idempotent. */
  heal(): Promise<void>
}

export interface PlannedFault {
  readonly startMs: number
  readonly endMs: number
  readonly command: readonly string[]
}

const LEASE_MARGIN_MS = 20_000
/** A cycle is a quiet time and a fault. It takes a third of the run, within these bounds. */
const CYCLE_MS_MIN = 5_000
const CYCLE_MS_MAX = 15_000
const LOSS_PERCENT = 40
/** A single node has no other node from which it could be cut. */
const NODES_MIN_ANY = 2
/** Some are within the drift that peers accept (QUORATE_MAX_CLOCK_DRIFT_MS), some far beyond it. */
const SKEWS = ['+300ms', '-300ms', '+5s', '-5s', '+20s', '-20s'] as const
/** The number of nodes that a fault needs. */
const NODES_MIN: Readonly<Partial<Record<Fault, number>>> = { bridge: 3, ring: 3 }
/** The quiet part of a cycle, in percent. */
const QUIET_PERCENT_MIN = 25
const QUIET_PERCENT_MAX = 45

/** Plans faults one after another, with a quiet time before each. The last fault ends with the run at the latest. */
export function planFaults(
  random: SeededRandom,
  of: {
    readonly faults: readonly Fault[]
    readonly nodes: readonly string[]
    readonly timeLimitMs: number
  },
): PlannedFault[] {
  const { nodes } = of
  const [first, ...others] = of.faults.filter(
    (fault) => nodes.length >= (NODES_MIN[fault] ?? NODES_MIN_ANY),
  )
  if (first === undefined) return []
  const cycleMs = Math.min(CYCLE_MS_MAX, Math.max(CYCLE_MS_MIN, Math.floor(of.timeLimitMs / 3)))
  const plan: PlannedFault[] = []
  for (let cycleStartMs = 0; cycleStartMs + cycleMs <= of.timeLimitMs; cycleStartMs += cycleMs) {
    const quiet = QUIET_PERCENT_MIN + random.below(QUIET_PERCENT_MAX - QUIET_PERCENT_MIN)
    plan.push({
      startMs: cycleStartMs + Math.floor((cycleMs * quiet) / 100),
      endMs: cycleStartMs + cycleMs,
      command: commandOf(random.pick([first, ...others]), of.nodes, random),
    })
  }
  return plan
}

/** Draws the nodes that the fault hits. */
function commandOf(fault: Fault, nodes: readonly string[], random: SeededRandom): string[] {
  const shuffled = random.shuffled(nodes)
  const [victim, other] = shuffled as [string, string, ...string[]]
  switch (fault) {
    case 'partition-halves': {
      const minority = shuffled.slice(0, Math.floor(nodes.length / 2)).sort()
      const majority = shuffled.slice(minority.length).sort()
      return ['partition', `${minority.join(',')}/${majority.join(',')}`]
    }
    case 'isolate':
    case 'bridge':
    case 'kill':
    case 'restart':
    case 'pause':
    case 'bitflip':
    case 'truncate':
      return [fault, victim]
    case 'ring':
      return [fault]
    case 'cut':
    case 'oneway':
    case 'flap':
      return [fault, victim, other]
    case 'skew':
      return [fault, victim, random.pick(SKEWS)]
    case 'loss':
      return [fault, victim, other, `${LOSS_PERCENT}%`]
    default:
      return fault satisfies never
  }
}

/**
 * Carries out the plan and ends with a healed cluster. It ends when the plan is done, when the fault that is on at the
 * end of the time is over, or at once if `stop` is aborted.
 *
 * The planned duration of a fault counts from its probe. Otherwise a slow machine would spend the whole duration on
 * making the fault, and the run would test nothing.
 */
export async function runNemesis(
  plan: readonly PlannedFault[],
  of: {
    readonly driver: FaultDriver
    readonly recorder: Recorder
    readonly startedAtMs: number
    /** Aborted when the time is over. No fault begins after it. */
    readonly over: AbortSignal
    readonly stop: AbortSignal
    readonly print: (line: string) => void
  },
): Promise<void> {
  const { driver, recorder, over, stop, print } = of
  const elapsedMs = (): number => recorder.elapsedMs - of.startedAtMs
  const note = (f: string, command: readonly string[]): void => {
    recorder.nemesis(f, command.join(' '))
    print(`${(elapsedMs() / 1000).toFixed(1).padStart(6)} s  ${f} ${command.join(' ')}`)
  }
  const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    await sleep(Math.max(0, ms), undefined, { signal }).catch(ignoreAbort)
  }
  try {
    for (const { startMs, endMs, command } of plan) {
      await wait(startMs - elapsedMs(), over)
      if (over.aborted) break
      note('start', command)
      const lastsMs = endMs - startMs
      await driver.inject(command, lastsMs + LEASE_MARGIN_MS)
      note('started', command)
      await wait(lastsMs, stop)
      note('heal', command)
      await driver.heal()
      note('healed', command)
    }
  } finally {
    await driver.heal()
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}
