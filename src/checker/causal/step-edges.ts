/** The causal order as a graph, for the search for cycles. */
import type { Step } from './step.ts'

/** For each step, by place, its direct successors: the next step of its session, and the reads of its value. */
export function edgesOf(steps: readonly Step[]): number[][] {
  const edges: number[][] = steps.map(() => [])
  const last = new Map<number, number>()
  for (const step of steps) {
    const { session, outcome } = step.operation
    const before = last.get(session)
    if (before !== undefined) edges[before]?.push(step.place)
    if (outcome === 'ok') last.set(session, step.place)
    if (step.type !== 'read') continue
    for (const source of step.sources) edges[source.place]?.push(step.place)
  }
  return edges
}
