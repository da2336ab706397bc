/**
 * Makes a failing run smaller: fewer faults, one workload, fewer clients and keys, a shorter time, as long as it breaks
 * the same invariant. The result is the smallest run that it found, not the smallest possible one.
 */
import { faultsOf, type Plan } from './plan/plan.ts'
import type { WorkerAnswer } from './run-worker.ts'

/** The most runs that are tried. */
export const ATTEMPTS_MAX = 120

export async function shrink(
  failed: WorkerAnswer,
  run: (plan: Plan) => Promise<WorkerAnswer>,
): Promise<WorkerAnswer> {
  const { violation } = failed
  if (violation === undefined) return failed
  let best = failed
  let attempts = 0
  const attempt = async (plan: Plan): Promise<boolean> => {
    if (attempts++ >= ATTEMPTS_MAX) return false
    const answer = await run(plan)
    if (answer.violation?.invariant !== violation.invariant) return false
    best = answer
    return true
  }
  for (const name of best.plan.workloads.length > 1 ? best.plan.workloads : []) {
    if (await attempt({ ...best.plan, workloads: [name] })) break
  }
  await shorten(() => best.plan, attempt)
  await dropFaults(() => best.plan, attempt)
  for (const part of ['clients', 'keys'] as const) {
    for (const count of [1, 2, 3]) {
      if (count < best.plan[part] && (await attempt({ ...best.plan, [part]: count }))) break
    }
  }
  await dropFaults(() => best.plan, attempt)
  await shorten(() => best.plan, attempt)
  return best
}

type Attempt = (plan: Plan) => Promise<boolean>

async function shorten(plan: () => Plan, attempt: Attempt): Promise<void> {
  for (let share = 2; share <= 8; share *= 2) {
    for (;;) {
      const { seconds } = plan()
      const less = Math.floor(seconds - seconds / share)
      if (less < 2 || less === seconds || !(await attempt({ ...plan(), seconds: less }))) break
    }
  }
}

/**
 * Drops half of the faults at once, then smaller parts, then single ones (ddmin of Zeller and Hildebrandt, simplified).
 */
async function dropFaults(plan: () => Plan, attempt: Attempt): Promise<void> {
  const numbers = (): number[] => faultsOf(plan()).map(({ number }) => number)
  for (let size = Math.ceil(numbers().length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < numbers().length;) {
      const all = numbers()
      const onlyFaults = [...all.slice(0, start), ...all.slice(start + size)]
      if (!(await attempt({ ...plan(), onlyFaults }))) start += size
    }
  }
}
