/** The workloads of a run: which keys in which buckets, and what is done with them. */
import type { Plan, WorkloadName } from './plan.ts'
import type { Via, Work } from './client.ts'
import { lwwKeys, readAll, siblingsKeys, valueWork } from './value-work.ts'

export interface Workload {
  readonly work: Work
  readonly readAll: (via: Via, done: (unread: number) => void) => void
}

export function makeWorkloads(plan: Plan): Workload[] {
  return plan.workloads.map((name) => makeWorkload(name, plan.keys))
}

function makeWorkload(name: WorkloadName, count: number): Workload {
  const keys = Array.from({ length: count }, (_, i) => `${name}-${i}`)
  switch (name) {
    case 'siblings':
    case 'ttl': {
      const set = siblingsKeys('default', keys)
      return { work: valueWork(set, name), readAll: (via, done) => readAll(set, via, done) }
    }
    case 'lww': {
      const set = lwwKeys('latest', keys)
      return { work: valueWork(set, name), readAll: (via, done) => readAll(set, via, done) }
    }
    case 'counter':
    case 'set':
      throw new Error(`${name} is not a workload yet`)
    default:
      return name satisfies never
  }
}
