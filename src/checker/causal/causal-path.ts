/**
 * Finds the shortest path from a cause to its effect, to show to people. Each step of a path is later in the same
 * session than the step before, or reads its value.
 */
import type { Step } from './step.ts'

/** Finds paths. It is made once for a history, because it needs the steps of every session. */
export interface CausalPaths {
  /** The path from the nearest wanted step to `to`, both included; undefined if no wanted step comes before `to`. */
  readonly shortest: (isWanted: (step: Step) => boolean, to: Step) => Step[] | undefined
}

export function causalPathsOf(steps: readonly Step[]): CausalPaths {
  /** For each session, the steps that its later steps follow causally. */
  const sessions = new Map<number, Step[]>()
  /** For each step, by its place, how many of these steps come before it. */
  const ranks = new Int32Array(steps.length)
  for (const step of steps) {
    const { session, outcome } = step.operation
    const own = sessions.get(session) ?? []
    sessions.set(session, own)
    ranks[step.place] = own.length
    if (outcome === 'ok') own.push(step)
  }
  return { shortest: (isWanted, to) => search({ sessions, ranks }, isWanted, to) }
}

interface Sessions {
  readonly sessions: ReadonlyMap<number, readonly Step[]>
  readonly ranks: Int32Array
}

/**
 * Searches breadth first, backwards from the effect. Every earlier step of a session is one edge away. So when a step
 * has been visited, all earlier steps of its session are in the queue, and no step is visited twice.
 */
function search(
  { sessions, ranks }: Sessions,
  isWanted: (step: Step) => boolean,
  to: Step,
): Step[] | undefined {
  const next = new Map<Step, Step | undefined>([[to, undefined]])
  const queue: Step[] = [to]
  const seenUpTo = new Map<number, number>()
  for (const step of queue) {
    const { session } = step.operation
    const own = sessions.get(session) ?? []
    const rank = ranks[step.place] as number
    const causes: Step[] = [...(step.type === 'read' ? step.sources : [])]
    for (let i = seenUpTo.get(session) ?? 0; i < rank; i++) causes.push(own[i] as Step)
    seenUpTo.set(session, Math.max(rank, seenUpTo.get(session) ?? 0))
    for (const cause of causes) {
      if (next.has(cause)) continue
      next.set(cause, step)
      if (isWanted(cause)) return follow(cause, next)
      queue.push(cause)
    }
  }
  return undefined
}

function follow(from: Step, next: ReadonlyMap<Step, Step | undefined>): Step[] {
  const path: Step[] = []
  for (let step: Step | undefined = from; step !== undefined; step = next.get(step)) path.push(step)
  return path
}
