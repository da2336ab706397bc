/** Numbers the operations that do the same, so that the search tries only one of them. */
import { FOLLOWS, type Problem, SAME } from './search-problem.ts'

/** There are fewer states than this, so that a pair of states fits into one whole number. */
const STATES_MAX = 2 ** 26

/** For each operation its class. Operations of one class do the same; 0 for operations that change nothing. */
export function classesOf({ count, needs, gives, argumentOf }: Problem): Int32Array {
  const classes = new Int32Array(count)
  const known = new Map<number, number>()
  for (let op = 0; op < count; op++) {
    const given = gives[op] as number
    if (given === SAME) continue
    const name =
      given === FOLLOWS ? -1 - argumentOf(op) : ((needs[op] as number) + 1) * STATES_MAX + given
    const found = known.get(name) ?? known.size + 1
    classes[op] = found
    if (found > known.size) known.set(name, found)
  }
  return classes
}
