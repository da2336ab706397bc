/** A table of text: the columns are as wide as their widest cell, and the last one is cut off at the terminal's edge. */
import { type Style, styled } from './style.ts'
import { shortened, visible, widthOf } from './terminal-text.ts'
import type { Sink } from './sink.ts'

export type Cell = string | number | { readonly text: string; readonly style: Style | undefined }

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

const GAP = '  '
/** A last column that is narrower than this is not cut off, because nothing of it would be left. */
const LAST_COLUMNS_MIN = 8

/** Aligns columns of numbers to the right. No cell can send control characters to the terminal. */
export function tableLines(
  { head, rows }: Table,
  { columns, isColoured }: Pick<Sink, 'columns' | 'isColoured'>,
): string[] {
  const texts = rows.map((row) => row.map(textOf))
  const widths = head.map((title, i) =>
    Math.max(widthOf(title), ...texts.map((row) => widthOf(row[i] ?? ''))),
  )
  const isNumeric = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'),
  )
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0)
  const lastMax = Math.max(LAST_COLUMNS_MIN, columns - before)
  const line = (cells: readonly { text: string; style: Style | undefined }[]): string =>
    cells
      .map(({ text, style }, i) => {
        const isLast = i === head.length - 1
        const shown = isLast ? shortened(text, lastMax) : text
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(shown)))
        const coloured = styled(isColoured, style, shown)
        if (isNumeric[i] === true) return `${space}${coloured}`
        return isLast ? coloured : `${coloured}${space}`
      })
      .join(GAP)
      .trimEnd()
  return [
    line(head.map((text) => ({ text, style: 'head' }))),
    ...rows.map((row, i) =>
      line(row.map((cell, j) => ({ text: texts[i]?.[j] ?? '', style: styleOf(cell) }))),
    ),
  ]
}

function textOf(cell: Cell): string {
  if (typeof cell === 'number') return String(cell)
  return visible(typeof cell === 'string' ? cell : cell.text)
}

function styleOf(cell: Cell): Style | undefined {
  return typeof cell === 'object' ? cell.style : undefined
}
