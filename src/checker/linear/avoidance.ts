/**
 * Steps that only say what the object did not hold: failed compare-and-sets. Most of them say nothing that is not
 * certain anyway, and are left out of the search: each would keep it from its shortest ways.
 */
import { ANY, type Step } from './search-problem.ts'

/**
 * The steps without those that any order has room for: where another operation that certainly happened lies
 * within the time of the step, and the object held at that moment, or right after it, something else than what the step
 * avoids, the step fits beside it. What is left can be ordered if and only if all can.
 *
 * `steps` in the order of their invocation.
 */
export function withoutIdleAvoidance(steps: readonly Step[]): readonly Step[] {
  return steps.filter((step, at) => step.avoids === ANY || !hasRoom(step, steps, at + 1))
}

function hasRoom(step: Step, steps: readonly Step[], from: number): boolean {
  for (let at = from; at < steps.length; at++) {
    const other = steps[at] as Step
    if (other.firstIndex > step.lastIndex) return false
    if (other.isCrashed || other.lastIndex > step.lastIndex) continue
    const { needs, gives } = other
    if (needs >= 0 && needs !== step.avoids) return true
    if (gives >= 0 && gives !== step.avoids) return true
  }
  return false
}
