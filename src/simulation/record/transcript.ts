/** Writes a run as a text for people: one column for each node, one line for each event about the broken key. */
import { nodeIds } from '../plan/plan.ts'
import type { StoryLine } from './sim-story.ts'

const LINES_MAX = 160
const TEXT_WIDTH = 150

/** `key` is `bucket/key`; undefined keeps all lines. */
export function transcript(
  lines: readonly StoryLine[],
  nodes: number,
  key: string | undefined,
): string[] {
  const ids = nodeIds(nodes)
  const name = key?.slice(key.indexOf('/') + 1)
  const kept = lines.filter(
    ({ node, text }) =>
      node === undefined || name === undefined || text.startsWith('***') || mentions(text, name),
  )
  const shown = kept.slice(-LINES_MAX)
  const head = `    seconds  ${ids.map((id) => id.padEnd(3)).join('')}`
  const left = kept.length - shown.length
  return [
    ...(left > 0 ? [`(${left} earlier lines are not shown)`] : []),
    head,
    ...shown.map((line) => lineOf(line, ids)),
  ]
}

/** Every event as one line, for a file. */
export function storyLines(lines: readonly StoryLine[]): string[] {
  return lines.map(({ atUs, node, text }) => `${(atUs / 1e6).toFixed(6)} ${node ?? '-'} ${text}`)
}

function lineOf({ atUs, node, text }: StoryLine, ids: readonly string[]): string {
  const marks = ids.map((id) => (node === undefined || id === node ? 'o  ' : '.  ')).join('')
  const line = text.trim().replaceAll(/\s*\n\s*/g, ' ')
  const short = line.length > TEXT_WIDTH ? `${line.slice(0, TEXT_WIDTH)}…` : line
  return `${(atUs / 1e6).toFixed(4).padStart(11)}  ${marks} ${short}`
}

/** Whether the text names the key, and not only a longer key that begins with it. */
function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!/[\w-]/.test(text[at + name.length] ?? ' ')) return true
  }
  return false
}
