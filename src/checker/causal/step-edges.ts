/** The causal order as a graph, where its cycles are looked for. */
import type { Step } from './step.ts'

/** By the place of a step the places of those that follow it at once: in its session, and by reading it. */
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
