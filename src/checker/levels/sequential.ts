/**
 * Decides the level `sequential` (Lamport, "How to make a multiprocessor computer that correctly executes multiprocess
 * programs", 1979) for all keys together, because it is not enough that each key alone is sequential.
 *
 * In general this is NP-complete, so it is decided in steps: a linearizable history is sequential; one that is not
 * causal is not; a cycle in the forced order is a contradiction (`register-order.ts`); an order that is guessed may be
 * right (`simple-order.ts`); and a search with a limit decides what is left, or leaves it unknown.
 */
import type { Operation } from '../history/operation.ts'
import type { Access, Accesses } from './access.ts'
import { broken, HOLDS, type Judgement, type LadderLimits, unknown } from './level.ts'
import { registerOrder } from './register-order.ts'
import { type Sample, sequentialSearch } from './sequential-search.ts'
import { hasSimpleOrder } from './simple-order.ts'
import { smallestSubset } from './smallest-subset.ts'
import { doubtIn } from './causal-rungs.ts'

/** The writes that the search tries in the whole history, and in each part of it. */
const STEPS_MAX = 50_000
const TRIAL_STEPS_MAX = 5000

/** How many contradictions are made smaller, to tell the smallest. */
const COMPARED_MAX = 8

const LEAD = 'no order of these operations keeps the order of each client and explains each answer'

/** The history is neither linearizable, nor does it break causal. */
export function sequential(accesses: Accesses, limits: LadderLimits): Judgement {
  const { all, unsettledKeys } = accesses
  const { nowMs, timeMs, memoryBytes } = limits
  const deadlineMs = nowMs() + timeMs
  const bounds = { isLate: () => nowMs() > deadlineMs, memoryBytes }
  const smallest = (some: readonly Access[], isProof: (part: readonly Access[]) => boolean) =>
    smallestSubset(some, (part) => !bounds.isLate() && isProof(part))
  const order = registerOrder(all, bounds)
  if (order.type === 'unknown') return outOf(order.why)
  if (order.type === 'cycle') {
    const isProof = (part: readonly Access[]): boolean =>
      registerOrder(part, bounds).type === 'cycle'
    const [proof = []] = order.proofs
      .slice(0, COMPARED_MAX)
      .map((accesses) => smallest(accesses, isProof))
      .sort((one, other) => one.length - other.length)
    return broken({ lead: LEAD, operations: operationsOf(proof) })
  }
  if (unsettledKeys.length === 0 && hasSimpleOrder(order.nodes, order.successors)) return HOLDS
  const whole: Sample = { some: all, isWhole: true }
  const outcome = sequentialSearch(whole, order, { ...bounds, stepsMax: STEPS_MAX })
  if (outcome === 'too long') return outOf(bounds.isLate() ? 'time' : 'steps')
  if (unsettledKeys.length > 0) return unknown(doubtIn(accesses) ?? 'the initial value is unknown')
  if (outcome === 'found') return HOLDS
  const isProof = (some: readonly Access[]): boolean => {
    const trial = { ...bounds, stepsMax: TRIAL_STEPS_MAX }
    return sequentialSearch({ some, isWhole: false }, undefined, trial) === 'none'
  }
  return broken({ lead: LEAD, operations: operationsOf(smallest(all, isProof)) })
}

function operationsOf(some: readonly Access[]): Operation[] {
  return some.map(({ operation }) => operation)
}

function outOf(why: 'time' | 'memory' | 'steps'): Judgement {
  if (why !== 'steps')
    return unknown(`the search for one order of all operations ran out of ${why}`)
  return unknown(
    `no contradiction was found, and ${STEPS_MAX} steps of a search found no order of all operations`,
  )
}
