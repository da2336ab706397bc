/** Makes the workloads of a run: which keys in which buckets, and what clients do with them. */
import type { Bucket } from '../../core/placement/topology.ts'
import { type FaultKind, MEMBERSHIP, SKEW_ALL } from '../plan/sim-fault.ts'
import type { Plan, WorkloadName } from '../plan/plan.ts'
import { REQUEST_TIMEOUT_MS } from './client.ts'
import { bucketWork } from './bucket-work.ts'
import { causalWork } from './causal-work.ts'
import { counterWork } from './counter-work.ts'
import { setWork } from './set-work.ts'
import { strongWork } from './strong-work.ts'
import type { Workload } from './client-workload.ts'
import { lwwKeys, finalReads, siblingsKeys, valueWork } from './value-work.ts'

/** How late a write may be beyond its request's timeout: more than twice the allowed drift of clocks. */
const LATE_US = 1_500_000
/** If clocks jump, a node's time may be wrong by as much as the longest jump. */
const LATE_WITH_JUMPS_US = 25_000_000

export function makeWorkloads(plan: Plan): Workload[] {
  const lateUs = REQUEST_TIMEOUT_MS * 1000 + clockErrorUs(plan)
  const strongBucket = hasSingleCopies(plan) ? SINGLE_STRONG : 'strong'
  return plan.workloads.map((name) => makeWorkload(name, plan.keys, lateUs, strongBucket))
}

/** How far the time of a node may be from the world's. */
function clockErrorUs({ nemesis }: Plan): number {
  // The time on which all clocks agree may then be any time.
  if (nemesis.includes(SKEW_ALL)) return Infinity
  return nemesis.some((kind) => kind === 'skew' || kind === 'drift') ? LATE_WITH_JUMPS_US : LATE_US
}

const OF_DISKS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'full',
  'slow',
  'io-error',
  'rot',
  'lost-data',
  'old-data',
  'lost-quorum',
])

const SINGLE_STRONG = 'single-strong'

/** The buckets that a run must create first. */
export function bucketsOf(plan: Plan): Bucket[] {
  const made: Bucket[] = []
  const common = { n: 3, consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
  if (plan.workloads.includes('counter'))
    made.push({ name: 'counters', mode: 'counter', ...common })
  const n = hasSingleCopies(plan) ? 1 : 3
  if (plan.workloads.includes('set')) made.push({ name: 'sets', mode: 'set', ...common, n })
  if (plan.workloads.includes('strong') && hasSingleCopies(plan)) {
    made.push({ name: SINGLE_STRONG, mode: 'strong', ...common, n, consistency: 'strong' })
  }
  return made
}

/** If members change and no disk fails, keys have a single copy, so that no other copy can hide a mistake of a move. */
function hasSingleCopies({ nemesis }: Plan): boolean {
  return nemesis.includes(MEMBERSHIP) && !nemesis.some((kind) => OF_DISKS.has(kind))
}

function makeWorkload(
  name: WorkloadName,
  count: number,
  lateUs: number,
  strongBucket: string,
): Workload {
  const keys = Array.from({ length: count }, (_, i) => `${name}-${i}`)
  switch (name) {
    case 'siblings':
    case 'ttl': {
      const set = siblingsKeys('default', keys)
      return { work: valueWork(set, name, lateUs), readAll: finalReads(set) }
    }
    case 'lww': {
      const set = lwwKeys('latest', keys)
      return { work: valueWork(set, name, lateUs), readAll: finalReads(set) }
    }
    case 'causal':
      return causalWork(keys)
    case 'counter':
      return counterWork('counters', keys)
    case 'set':
      return setWork('sets', keys)
    case 'strong':
      return strongWork(strongBucket, keys)
    case 'bucket':
      return bucketWork(keys)
    default:
      return name satisfies never
  }
}
