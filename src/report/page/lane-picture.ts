/// <reference lib="dom" />
/**
 * Draws the lanes. It visits only operations in the window, and skips those whose pixels are already filled the same
 * way, so that the size of the picture bounds the cost.
 */
import { firstAt, type LaneLayout, type Row } from './lane-layout.ts'
import { endOf, FAIL, INFO, marked, OK, outcomeOf, startOf, type Model } from './model.ts'
import { stripes, type Palette } from './palette.ts'
import { ticksOf, timeText } from './time-window.ts'

/** A canvas that is ready for drawing, in CSS pixels. */
export interface Sheet {
  readonly pen: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
  /** The x position where the time axis begins, right of the labels. */
  readonly left: number
}

export interface PlacedRow {
  readonly row: Row
  readonly top: number
  readonly height: number
}

const TOP = 22
const BOTTOM = 22
const LANE_GAP = 4
const ROW_HEIGHT_MIN = 4
const ROW_HEIGHT_MAX = 20
/** The height that all rows together should not exceed, unless the rows become too low. */
const ROWS_HEIGHT = 560
const BAR_WIDTH_MIN = 2

export function rowHeightOf(layout: LaneLayout): number {
  const height = Math.floor(ROWS_HEIGHT / Math.max(1, layout.rowCount))
  return Math.max(ROW_HEIGHT_MIN, Math.min(ROW_HEIGHT_MAX, height))
}

export function lanesHeight(layout: LaneLayout): number {
  return TOP + BOTTOM + layout.rowCount * rowHeightOf(layout) + layout.lanes.length * LANE_GAP
}

/** The x position of a time on the sheet. */
export function xOf(model: Model, { left, width }: Sheet, time: number): number {
  const { from, to } = model.view.window
  return left + ((time - from) / (to - from)) * (width - left)
}

export function placeRows(layout: LaneLayout): PlacedRow[] {
  const height = rowHeightOf(layout)
  let top = TOP
  return layout.lanes.flatMap(({ rows }) => {
    const placed = rows.map((row, i) => ({ row, top: top + i * height, height }))
    top += rows.length * height + LANE_GAP
    return placed
  })
}

export function drawLanes(model: Model, layout: LaneLayout, sheet: Sheet, palette: Palette): void {
  const { pen, width, height, left } = sheet
  pen.clearRect(0, 0, width, height)
  drawLaneGround(layout, sheet, palette)
  drawBands(model, sheet, palette, TOP - 6, height - BOTTOM, true)
  drawTimeAxis(model, sheet, palette, TOP, height - BOTTOM)
  pen.save()
  pen.beginPath()
  pen.rect(left, 0, width - left, height)
  pen.clip()
  const placed = placeRows(layout)
  const pattern = stripes(pen, palette.outcomes[INFO] ?? '', palette.paper)
  pen.globalAlpha = model.view.selected >= 0 ? 0.55 : 1
  for (const row of placed) drawRow(model, row, sheet, palette, pattern)
  pen.globalAlpha = 1
  drawMarks(model, placed, sheet, palette, pattern)
  pen.restore()
}

/** The operation at a point, the shortest if there are several; -1 for none. */
export function operationAt(
  model: Model,
  layout: LaneLayout,
  sheet: Sheet,
  point: { readonly x: number; readonly y: number; readonly reach: number },
): number {
  const { x, y, reach } = point
  if (x < sheet.left) return -1
  const { from, to } = model.view.window
  const time = from + ((x - sheet.left) / (sheet.width - sheet.left)) * (to - from)
  const slack = (reach / (sheet.width - sheet.left)) * (to - from)
  let best = -1
  let bestScore = Infinity
  for (const { row, top, height } of placeRows(layout)) {
    if (y < top - reach / 4 || y > top + height + reach / 4) continue
    for (let i = firstAt(model, row, time - slack); i < row.operations.length; i++) {
      const operation = row.operations[i] ?? 0
      const start = startOf(model, operation)
      if (start > time + slack) break
      const end = endOf(model, operation)
      if (end < time - slack) continue
      const away = Math.max(0, start - time, time - end)
      const isMarked = marked(model).includes(operation)
      const score = (away * 1e3 + (end - start)) * (isMarked ? 1e-3 : 1)
      if (score < bestScore) [best, bestScore] = [operation, score]
    }
  }
  return best
}

export function drawBands(
  model: Model,
  sheet: Sheet,
  palette: Palette,
  top: number,
  bottom: number,
  isLabelled: boolean,
): void {
  const { pen, left, width } = sheet
  pen.font = `11px ${palette.font}`
  pen.textBaseline = 'middle'
  for (const { what, from, to, onFrom, onTo } of model.data.faults) {
    const x0 = Math.max(left, xOf(model, sheet, from))
    const x1 = Math.min(width, xOf(model, sheet, to))
    if (x1 <= left || x0 >= width) continue
    const wide = Math.max(1, x1 - x0)
    pen.fillStyle = palette.band
    pen.fillRect(x0, top, wide, bottom - top)
    // Draw the time in which the fault was certainly on twice as dark.
    const on0 = Math.max(left, xOf(model, sheet, onFrom))
    const on1 = Math.min(width, xOf(model, sheet, onTo))
    if (on1 > on0) pen.fillRect(on0, top, on1 - on0, bottom - top)
    pen.fillStyle = palette.bandEdge
    pen.fillRect(x0, top, wide, 2)
    // Draw both edges, so that two faults in direct succession look like two.
    for (const at of [from, to]) {
      const x = Math.round(xOf(model, sheet, at))
      if (x >= left && x <= width) pen.fillRect(x, top, 1, bottom - top)
    }
    if (!isLabelled || wide < 24) continue
    pen.save()
    pen.beginPath()
    pen.rect(x0, 0, wide, bottom)
    pen.clip()
    pen.textAlign = 'left'
    pen.fillText(fitted(pen, what, wide - 4), x0 + 2, 8)
    pen.restore()
  }
}

export function drawTimeAxis(
  model: Model,
  sheet: Sheet,
  palette: Palette,
  top: number,
  bottom: number,
): void {
  const { pen, left, width } = sheet
  const ticks = ticksOf(model.view.window, Math.max(2, Math.floor((width - left) / 90)))
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0) || model.data.endUs
  pen.font = `11px ${palette.font}`
  pen.textBaseline = 'top'
  pen.textAlign = 'center'
  for (const tick of ticks) {
    const x = xOf(model, sheet, tick)
    pen.fillStyle = palette.line
    pen.fillRect(Math.round(x), top, 1, bottom - top + 4)
    pen.fillStyle = palette.quiet
    const text = timeText(tick, step)
    const half = pen.measureText(text).width / 2
    if (x + half <= width && x - half >= left - 20) pen.fillText(text, x, bottom + 6)
  }
}

/** The text, with its end cut if it does not fit into `width`. */
export function fitted(pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text
  let length = text.length
  while (length > 1 && pen.measureText(`${text.slice(0, length)}…`).width > width) length--
  return `${text.slice(0, length)}…`
}

function drawLaneGround(layout: LaneLayout, sheet: Sheet, palette: Palette): void {
  const { pen, width, left } = sheet
  const rowHeight = rowHeightOf(layout)
  let top = TOP
  let labelled = -Infinity
  pen.font = `11px ${palette.font}`
  pen.textBaseline = 'middle'
  pen.textAlign = 'right'
  for (const { name, rows } of layout.lanes) {
    const height = rows.length * rowHeight
    pen.fillStyle = palette.stripe
    pen.fillRect(left, top, width - left, height)
    const middle = top + height / 2
    if (middle - labelled >= 11) {
      pen.fillStyle = palette.ink
      pen.fillText(fitted(pen, name, left - 8), left - 6, middle)
      labelled = middle
    }
    top += height + LANE_GAP
  }
}

function drawRow(
  model: Model,
  { row, top, height }: PlacedRow,
  sheet: Sheet,
  palette: Palette,
  pattern: CanvasPattern | string,
): void {
  const { from, to } = model.view.window
  const filled = [-1, -1, -1]
  for (let i = firstAt(model, row, from); i < row.operations.length; i++) {
    const operation = row.operations[i] ?? 0
    if (startOf(model, operation) > to) break
    const outcome = outcomeOf(model, operation)
    const x1 = xOf(model, sheet, endOf(model, operation))
    if (x1 < sheet.left || x1 <= (filled[outcome] ?? -1)) continue
    filled[outcome] = Math.max(
      x1,
      drawBar(model, operation, { top, height }, sheet, palette, pattern),
    )
  }
}

/** The outcomes also differ by shape: full for ok, a hollow lower half for rejected, stripes and a tip for unknown. */
function drawBar(
  model: Model,
  operation: number,
  { top, height }: { readonly top: number; readonly height: number },
  sheet: Sheet,
  palette: Palette,
  pattern: CanvasPattern | string,
): number {
  const { pen, left, width } = sheet
  const outcome = outcomeOf(model, operation)
  const x0 = Math.max(left - 4, xOf(model, sheet, startOf(model, operation)))
  const x1 = Math.min(width + 4, xOf(model, sheet, endOf(model, operation)))
  const wide = Math.max(outcome === OK ? BAR_WIDTH_MIN : BAR_WIDTH_MIN + 1, x1 - x0)
  const high = height - 1
  const colour = palette.outcomes[outcome] ?? palette.ink
  if (outcome === OK) {
    pen.fillStyle = colour
    // Leave a gap, so that two operations in direct succession look like two.
    pen.fillRect(x0, top, wide > 5 ? wide - 1 : wide, high)
  } else if (outcome === FAIL) {
    const half = Math.max(2, Math.floor(high * 0.55))
    pen.fillStyle = palette.paper
    pen.fillRect(x0, top + high - half, wide, half)
    pen.strokeStyle = colour
    pen.lineWidth = 1.5
    pen.strokeRect(x0 + 0.75, top + high - half + 0.75, Math.max(1, wide - 1.5), half - 1.5)
  } else {
    pen.fillStyle = wide > 6 ? pattern : colour
    pen.fillRect(x0, top, wide, high)
    pen.fillStyle = colour
    pen.fillRect(x0, top, 2, high)
    pen.beginPath()
    pen.moveTo(x0 + wide, top)
    pen.lineTo(x0 + wide + Math.min(6, high / 2), top + high / 2)
    pen.lineTo(x0 + wide, top + high)
    pen.fill()
  }
  drawRank(model, operation, { x: x0 + wide / 2, y: top + high / 2, wide, high }, sheet, palette)
  return x0 + wide
}

function drawRank(
  { ranks }: Model,
  operation: number,
  at: { readonly x: number; readonly y: number; readonly wide: number; readonly high: number },
  { pen }: Sheet,
  palette: Palette,
): void {
  const rank = ranks[operation] ?? 0
  if (rank === 0 || at.high < 9 || at.wide < 10) return
  pen.font = `10px ${palette.font}`
  const text = String(rank)
  if (pen.measureText(text).width + 4 > at.wide) return
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.fillStyle = palette.paper
  pen.fillText(text, at.x, at.y)
}

/** Draws the operations of the story on top of all others, with their numbers in the text of the story. */
function drawMarks(
  model: Model,
  placed: readonly PlacedRow[],
  sheet: Sheet,
  palette: Palette,
  pattern: CanvasPattern | string,
): void {
  const { data, view } = model
  const numbers = new Map(marked(model).map((operation, i) => [operation, i + 1]))
  const deadEnd = data.stories[view.story]?.deadEnd ?? -1
  if (view.selected >= 0 && !numbers.has(view.selected)) numbers.set(view.selected, 0)
  if (numbers.size === 0) return
  for (const { row, top, height } of placed) {
    for (const operation of numbers.keys()) {
      if (!row.operations.includes(operation)) continue
      drawBar(model, operation, { top, height }, sheet, palette, pattern)
      const x0 = xOf(model, sheet, startOf(model, operation))
      const x1 = Math.max(x0 + BAR_WIDTH_MIN, xOf(model, sheet, endOf(model, operation)))
      if (x1 < sheet.left || x0 > sheet.width) continue
      drawMark(sheet, palette, {
        x0,
        x1,
        top,
        height,
        number: numbers.get(operation) ?? 0,
        isSelected: operation === view.selected,
        isDeadEnd: operation === deadEnd,
      })
    }
  }
}

function drawMark(
  { pen, left, width }: Sheet,
  palette: Palette,
  mark: {
    readonly x0: number
    readonly x1: number
    readonly top: number
    readonly height: number
    readonly number: number
    readonly isSelected: boolean
    readonly isDeadEnd: boolean
  },
): void {
  const { x0, x1, top, height, number, isSelected, isDeadEnd } = mark
  pen.strokeStyle = palette.mark
  pen.lineWidth = isSelected ? 3 : 2
  pen.strokeRect(x0 - 2, top - 2, x1 - x0 + 4, height + 3)
  const middle = top + (height - 1) / 2
  const x = Math.max(left + 9, x0 - 10)
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  if (number > 0) {
    pen.fillStyle = palette.mark
    pen.beginPath()
    pen.arc(x, middle, isSelected ? 10 : 8, 0, 2 * Math.PI)
    pen.fill()
    pen.fillStyle = palette.paper
    pen.font = `bold 10px ${palette.font}`
    pen.fillText(String(number), x, middle + 0.5)
  }
  if (isDeadEnd) {
    pen.font = `bold 12px ${palette.font}`
    pen.textAlign = 'left'
    const text = '✗ no order left'
    const wide = pen.measureText(text).width
    // Put the text left of the number if there is no room at the right, on a background that hides other bars.
    const right = Math.max(x1 + 6, x + 12)
    const at = right + wide + 4 > width ? x - 14 - wide : right
    pen.fillStyle = palette.paper
    pen.fillRect(at - 3, middle - 9, wide + 6, 18)
    pen.fillStyle = palette.mark
    pen.fillText(text, at, middle + 0.5)
  }
}
