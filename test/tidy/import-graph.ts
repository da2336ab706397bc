/** Which file imports which, which folder therefore imports which, and the circles among them. */
import { posix } from 'node:path'
import { importsOf } from './import-rules.ts'
import type { ProjectFile } from './project-files.ts'

/** What is imported by whom, types included: a circle of types is as hard to read as any. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>

export function fileGraph(files: readonly ProjectFile[]): ImportGraph {
  return new Map(
    files.map(({ path, text }) => [
      path,
      new Set(
        importsOf(text)
          .filter((target) => target.startsWith('.'))
          .map((target) => posix.join(posix.dirname(path), target)),
      ),
    ]),
  )
}

/** The same of groups of files; a group does not import itself. */
export function groupGraph(files: ImportGraph, groupOf: (file: string) => string): ImportGraph {
  const groups = new Map<string, Set<string>>()
  for (const [file, targets] of files) {
    const group = groupOf(file)
    const imported = groups.get(group) ?? new Set()
    groups.set(group, imported)
    for (const target of targets) if (groupOf(target) !== group) imported.add(groupOf(target))
  }
  return groups
}

/** A shortest circle through each node that is in one and in none that was found before: `a → b → a`. */
export function findCircles(graph: ImportGraph): string[] {
  const circles: string[] = []
  const seen = new Set<string>()
  for (const start of graph.keys()) {
    if (seen.has(start)) continue
    const circle = shortestCircle(graph, start)
    if (circle === undefined) continue
    for (const node of circle) seen.add(node)
    circles.push([...circle, start].join(' → '))
  }
  return circles
}

/** By breadth: the first way back to `start` is a shortest one. */
function shortestCircle(graph: ImportGraph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return wayTo(node, start, cameFrom)
      if (cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  return undefined
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end]
  while (way[0] !== start) way.unshift(cameFrom.get(way[0] as string) as string)
  return way
}
