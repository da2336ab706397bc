/** Which operations of unknown outcome can be of use to anybody, by what they give. */
import { ANY, FOLLOWS, type Problem, SAME, type StateId } from './search-problem.ts'

export interface CrashedWrites {
  /** State → operations that give it, in the order of their invocation; FOLLOWS → those that build on any. */
  readonly giving: ReadonlyMap<StateId, readonly number[]>
  /** States that some of them need. */
  readonly built: readonly StateId[]
  /** Blind writes whose values nobody needs nor avoids: to get away from a state, one is as good as another. */
  readonly spare: readonly number[]
}

/** `lastNeed` of the timeline. What gives a state that makes no difference to anybody is left out. */
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
