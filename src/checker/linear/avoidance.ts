/**
 * Removes failed compare-and-sets that make no difference. A failed compare-and-set only says that the object did not
 * hold a value. Most of them are certain to fit into any order, and each would make the search slower.
 */
import { ANY, type Step } from './search-problem.ts'

/**
 * Returns the steps without those for which any order has room. A step has room if another operation that certainly
 * happened lies within the time of the step, and the object held, at that moment or right after it, another value than
 * the step avoids. The remaining steps can be ordered if and only if all can.
 *
 * `steps` must be in the order of their invocation.
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
