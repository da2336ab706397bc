/**
 * What a run will do, as data that follows from a seed: who lives, how long, which clients, which faults. A
 * part that is left out (a fault, a client, the end) changes nothing of the others, so that a failing run can
 * be made smaller.
 */
import { SeededRandom } from '../random/seeded-random.ts'
import { type Fault, FAULT_KINDS, type FaultKind, faultNumber } from './fault.ts'

export interface Plan {
  readonly seed: string
  readonly nodes: number
  /** Of faults and load; healing and the last checks come after it. */
  readonly seconds: number
  readonly workloads: readonly WorkloadName[]
  readonly nemesis: readonly FaultKind[]
  readonly clients: number
  readonly keys: number
  /** Faults by number; undefined: all that fall into the time. */
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
] as const
export type WorkloadName = (typeof WORKLOAD_NAMES)[number]

export const PLAN_DEFAULTS: Omit<Plan, 'seed'> = {
  nodes: 5,
  seconds: 120,
  workloads: WORKLOAD_NAMES,
  nemesis: FAULT_KINDS,
  clients: 5,
  keys: 16,
}

export interface NumberedFault {
  readonly number: number
  readonly fault: Fault
}

/** About one fault starts in so many seconds; most last longer, so that several are there at once. */
const FAULT_SPACING_SECONDS = 6
/** The cluster forms before the first. */
const FIRST_FAULT_SECONDS = 3

export function faultsOf(plan: Plan): NumberedFault[] {
  if (plan.nemesis.length === 0) return []
  const random = new SeededRandom(`${plan.seed}/faults`)
  const ids = nodeIds(plan.nodes)
  const faults: NumberedFault[] = []
  for (let number = 0; ; number++) {
    const startSeconds = FIRST_FAULT_SECONDS + number * FAULT_SPACING_SECONDS
    if (startSeconds >= plan.seconds) return faults
    if (plan.onlyFaults?.includes(number) === false) continue
    const fault = faultNumber(random.child(String(number)), plan.nemesis, ids, startSeconds)
    faults.push({ number, fault })
  }
}

export function nodeIds(nodes: number): string[] {
  return Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
}
