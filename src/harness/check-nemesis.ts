/**
 * Plans the faults of a run from its seed, and carries the plan out. Every fault is a lease that outlives its
 * planned end only by LEASE_MARGIN_MS, so that it ends even where this process does not live to heal it.
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
/** Damage to the files of a node that is killed; not part of `mix`, because each needs a node to be filled again. */
export const FILE_FAULTS = ['bitflip', 'truncate'] as const
export type Fault = (typeof FAULTS | typeof FILE_FAULTS)[number]

/** Changes of the members (check-membership.ts), beside the faults; not part of `mix`. */
export const MEMBERSHIP = 'membership'
/** Faults of one node, whoever the others are: these go with changes of the members. */
export const OF_ONE_NODE: readonly Fault[] = ['isolate', 'kill', 'restart', 'pause', 'skew']

/** The faults of a run as its command line has them. */
export function nemesisOf(faults: readonly string[], changesMembers: boolean): string {
  const isMix = FAULTS.every((fault) => faults.includes(fault))
  const others = faults.filter((fault) => !isMix || !FAULTS.some((known) => known === fault))
  const names = [...(isMix ? ['mix'] : []), ...others, ...(changesMembers ? [MEMBERSHIP] : [])]
  return names.length === 0 ? 'none' : names.join(',')
}

export function isFileFault([fault]: readonly string[]): boolean {
  return FILE_FAULTS.some((known) => known === fault)
}

/** What the harness needs of whatever breaks a cluster. */
export interface FaultDriver {
  /** Resolves once the effect has been probed. `command` as in the chaos command line: `['isolate', 'n3']`. */
  inject(command: readonly string[], leaseMs: number): Promise<void>
  /** Undoes all faults, and waits until nodes whose files were damaged are filled again; any number of times. */
  heal(): Promise<void>
}

export interface PlannedFault {
  readonly startMs: number
  readonly endMs: number
  readonly command: readonly string[]
}

const LEASE_MARGIN_MS = 20_000
/** A fault and the quiet before it take a third of the run, within these bounds: two faults or more in any run. */
const CYCLE_MS_MIN = 5_000
const CYCLE_MS_MAX = 15_000
const LOSS_PERCENT = 40
/** Of one node there is nothing to be cut from. */
const NODES_MIN_ANY = 2
/** Within what peers put up with (QUORATE_MAX_CLOCK_DRIFT_MS), and far beyond it. */
const SKEWS = ['+300ms', '-300ms', '+5s', '-5s', '+20s', '-20s'] as const
/** Each of them needs as many nodes. */
const NODES_MIN: Readonly<Partial<Record<Fault, number>>> = { bridge: 3, ring: 3 }
/** The quiet part of a cycle, in a hundred. */
const QUIET_PERCENT_MIN = 25
const QUIET_PERCENT_MAX = 45

/** Faults one after another, a quiet time before each; the last ends with the run at the latest. */
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

/** Whom it hits is drawn anew each time. */
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
 * Ends with a healed cluster: when the plan is done, after the fault that is on when the time is over, or at once where
 * `stop` is aborted. A fault lasts as long as planned from its probe on. Where the machine is slow, making it takes so
 * long that nothing would be left of it otherwise, and the run would have tested nothing.
 */
export async function runNemesis(
  plan: readonly PlannedFault[],
  of: {
    readonly driver: FaultDriver
    readonly recorder: Recorder
    readonly startedAtMs: number
    /** No fault begins after it. */
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
