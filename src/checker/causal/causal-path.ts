/**
 * The shortest way from a cause to its effect, for people to follow: each step is later in the same session than
 * the one before, or read what that one wrote.
 */
import type { Step } from './step.ts'

/** Finds ways. Made once for a history, because it needs to know what each session did. */
export interface CausalPaths {
  /** From the nearest step that is wanted to the last, both included; undefined where none is before it. */
  readonly shortest: (isWanted: (step: Step) => boolean, to: Step) => Step[] | undefined
}

export function causalPathsOf(steps: readonly Step[]): CausalPaths {
  /** Those that their session's later steps follow. */
  const sessions = new Map<number, Step[]>()
  /** How many of these are before a step, by place. */
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
 * Breadth first, from the effect back. Any earlier step of a session is one step away; so once a step has been
 * looked at, all of its session before it has, and nothing is looked at twice.
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
