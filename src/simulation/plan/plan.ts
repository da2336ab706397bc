/**
 * The plan of a run as data that follows from a seed: nodes, duration, clients and faults. Leaving out a part (a fault,
 * a client, the end) does not change the other parts, so that a failing run can be made smaller.
 */
import { SeededRandom } from '../../random/seeded-random.ts'
import {
  type Fault,
  FAULT_KINDS,
  type FaultKind,
  faultNumber,
  MEMBERSHIP,
  membershipNumber,
  SKEW_ALL,
  skewsAll,
} from './sim-fault.ts'

export interface Plan {
  readonly seed: string
  readonly nodes: number
  /** The duration of faults and load. Healing and the last checks follow. */
  readonly seconds: number
  readonly workloads: readonly WorkloadName[]
  readonly nemesis: readonly FaultKind[]
  readonly clients: number
  readonly keys: number
  /** Whether readers watch each bucket. */
  readonly watch?: boolean | undefined
  /** The numbers of the faults to inject; undefined injects all faults of the duration. */
  readonly onlyFaults?: readonly number[] | undefined
}

export const WORKLOAD_NAMES = [
  'siblings',
  'lww',
  'counter',
  'set',
  'ttl',
  'causal',
  'strong',
  'bucket',
] as const
/** The workloads of a run that names none. Each change of the buckets is a new topology, which all others would see. */
const DEFAULT_WORKLOADS: readonly WorkloadName[] = WORKLOAD_NAMES.filter(
  (name) => name !== 'bucket',
)
export type WorkloadName = (typeof WORKLOAD_NAMES)[number]

export const PLAN_DEFAULTS: Omit<Plan, 'seed'> = {
  nodes: 5,
  seconds: 120,
  workloads: DEFAULT_WORKLOADS,
  nemesis: FAULT_KINDS,
  clients: 5,
  keys: 16,
}

export interface NumberedFault {
  readonly number: number
  readonly fault: Fault
}

/** About one fault starts in so many seconds. Many last longer, so that several are on at once. */
const FAULT_SPACING_SECONDS = 6
/** The first fault starts after the cluster has formed. */
const FIRST_FAULT_SECONDS = 3
/** A change of the members takes some seconds, and more under faults. A change that comes too early is skipped. */
const CHANGE_SPACING_SECONDS = 12
/** The number of the first change, which does not depend on the other faults. */
const FIRST_CHANGE_NUMBER = 100_000
/** How many machines that joined during the run may be hit by faults. */
const NEWCOMERS = 4

export function faultsOf(plan: Plan): NumberedFault[] {
  const random = new SeededRandom(`${plan.seed}/faults`)
  const kinds = plan.nemesis.filter((kind) => kind !== MEMBERSHIP)
  const hasChanges = kinds.length < plan.nemesis.length
  const ids = nodeIds(plan.nodes + (hasChanges ? NEWCOMERS : 0))
  const faults: NumberedFault[] = []
  const draw = (
    first: number,
    spacing: number,
    make: (random: SeededRandom, startSeconds: number) => Fault,
  ): void => {
    for (let i = 0; ; i++) {
      const startSeconds = FIRST_FAULT_SECONDS + i * spacing
      if (startSeconds >= plan.seconds) return
      const number = first + i
      if (plan.onlyFaults?.includes(number) === false) continue
      const fault = make(random.child(String(number)), startSeconds)
      if (fault.kind === SKEW_ALL && !skewsAll(fault, plan.seconds * 1000)) continue
      faults.push({ number, fault })
    }
  }
  if (kinds.length > 0) {
    draw(0, FAULT_SPACING_SECONDS, (child, start) => faultNumber(child, kinds, ids, start))
  }
  if (hasChanges) {
    draw(FIRST_CHANGE_NUMBER, CHANGE_SPACING_SECONDS, (child, start) =>
      membershipNumber(child, ids, start),
    )
  }
  return faults
}

export function nodeIds(nodes: number): string[] {
  return Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
}
