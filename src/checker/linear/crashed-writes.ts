/** Indexes the operations of unknown outcome that can help other operations, by the state that they give. */
import { ANY, FOLLOWS, type Problem, SAME, type StateId } from './search-problem.ts'

export interface CrashedWrites {
  /**
   * For each state the operations that give it, in the order of their invocation; for FOLLOWS those that extend any
   * state.
   */
  readonly giving: ReadonlyMap<StateId, readonly number[]>
  /** The states that some of these operations need. */
  readonly built: readonly StateId[]
  /**
   * Blind writes whose values no operation needs or avoids. They only serve to leave a state, so any of them will do.
   */
  readonly spare: readonly number[]
}

/** `lastNeed` comes from the timeline. Operations whose state makes no difference are left out. */
export function crashedWritesOf(problem: Problem, lastNeed: Float64Array): CrashedWrites {
  const { count, isCrashed, needs, avoids, gives } = problem
  const avoided = new Set(avoids)
  avoided.delete(ANY)
  const isBuiltOn = gives.includes(FOLLOWS)
  const giving = new Map<StateId, number[]>()
  const built = new Set<StateId>()
  const spare: number[] = []
  for (let op = 0; op < count; op++) {
    if (isCrashed[op] === 0) continue
    if (needs[op] !== ANY) built.add(needs[op] as number)
    const given = gives[op] as number
    if (given === SAME) continue
    if (given >= 0 && (lastNeed[given] as number) < 0) {
      if (avoided.size === 0 && !isBuiltOn) continue
      if (needs[op] === ANY && !avoided.has(given) && !isBuiltOn) {
        spare.push(op)
        continue
      }
    }
    const known = giving.get(given)
    if (known === undefined) giving.set(given, [op])
    else known.push(op)
  }
  return { giving, built: [...built], spare }
}
