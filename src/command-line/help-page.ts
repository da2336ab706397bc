/** The layout of a page of help: sections of lines, and tables of names with a sentence for each. */

export type Row = readonly [name: string, text: string]

export const WIDTH = 100

const INDENT = 2
const GAP = 2
/** A longer name gets a line of its own. */
const NAME_WIDTH_MAX = 22

/** Nothing if there are no lines. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines]
}

export function lineSection(title: string, lines: readonly string[]): string[] {
  return section(
    title,
    lines.map((line) => `${' '.repeat(INDENT)}${line}`),
  )
}

export function exitCodeSection(codes: readonly (readonly [number, string])[]): string[] {
  const sorted = codes.toSorted(([a], [b]) => a - b)
  return section('Exit codes', nameTable(sorted.map(([code, meaning]) => [String(code), meaning])))
}

export function nameTable(rows: readonly Row[], columnMin = 0): string[] {
  const column = Math.max(columnMin, columnOf(rows))
  return rows.flatMap(([name, text]) => {
    const [first = '', ...rest] = wrapped(text, WIDTH - column)
    const head = `${' '.repeat(INDENT)}${name}`
    const margin = ' '.repeat(column)
    const beginning =
      head.length + GAP <= column ? [`${head.padEnd(column)}${first}`] : [head, `${margin}${first}`]
    return [...beginning, ...rest.map((line) => `${margin}${line}`)]
  })
}

/** The column in which the texts of a table begin. */
export function columnOf(rows: readonly Row[]): number {
  const widths = rows.map(([name]) => name.length).filter((width) => width <= NAME_WIDTH_MAX)
  return INDENT + Math.max(0, ...widths) + GAP
}

export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
