/// <reference lib="dom" />
/** Draws latency as dots on a logarithmic axis, and throughput as stacked bars, over the same window as the lanes. */
import { drawBands, drawTimeAxis, xOf, type Sheet } from './lane-picture.ts'
import { endOf, FAIL, INFO, OK, outcomeOf, startOf, type Model } from './model.ts'
import { stripes, type Palette } from './palette.ts'
import { lengthText, roundStep } from './time-window.ts'

const CHART_TOP = 16
const CHART_BOTTOM = 24
/** Rejected and unknown come last, so that the many successful operations do not cover them. */
const DRAWN_IN_ORDER = [OK, FAIL, INFO]
const BIN_WIDTH_MIN = 6
/** If there are more points than this, they are drawn smaller. */
const CROWD = 1500

export function drawLatency(model: Model, sheet: Sheet, palette: Palette): void {
  const { pen, width, height, left } = sheet
  const bottom = height - CHART_BOTTOM
  pen.clearRect(0, 0, width, height)
  drawBands(model, sheet, palette, CHART_TOP, bottom, false)
  const [low, high] = powersOfTen(model)
  const yOf = (took: number): number =>
    bottom - ((Math.log10(Math.max(1, took)) - low) / (high - low)) * (bottom - CHART_TOP)
  const marks: { readonly y: number; readonly text: string }[] = []
  for (let power = low; power <= high; power++) {
    marks.push({ y: yOf(10 ** power), text: lengthText(10 ** power) })
  }
  drawLevels(sheet, palette, marks)
  drawTimeAxis(model, sheet, palette, CHART_TOP, bottom)
  pen.save()
  pen.beginPath()
  pen.rect(left, 0, width - left, height)
  pen.clip()
  const { from, to } = model.view.window
  const shown = model.data.operations.at.filter((at) => at >= from && at <= to).length
  const dot = shown > CROWD ? 2 : 4
  for (const outcome of DRAWN_IN_ORDER) drawPoints(model, sheet, palette, { outcome, yOf, dot })
  pen.restore()
}

export function drawThroughput(model: Model, sheet: Sheet, palette: Palette): void {
  const { pen, width, height, left } = sheet
  const bottom = height - CHART_BOTTOM
  pen.clearRect(0, 0, width, height)
  drawBands(model, sheet, palette, CHART_TOP, bottom, false)
  const { from, to } = model.view.window
  const binUs = roundStep(((to - from) * BIN_WIDTH_MIN) / Math.max(1, width - left))
  const { bins, first } = countBins(model, binUs)
  const perSecond = 1e6 / binUs
  const most = Math.max(1, ...bins.map(([ok, fail, info]) => ok + fail + info)) * perSecond
  const step = roundStep(most / 4)
  const yOf = (rate: number): number =>
    bottom - (rate / (step * Math.ceil(most / step))) * (bottom - CHART_TOP)
  const marks: { readonly y: number; readonly text: string }[] = []
  for (let rate = 0; rate <= most + step * 0.999; rate += step) {
    marks.push({ y: yOf(rate), text: `${Number(rate.toPrecision(3))}/s` })
  }
  drawLevels(sheet, palette, marks)
  drawTimeAxis(model, sheet, palette, CHART_TOP, bottom)
  pen.save()
  pen.beginPath()
  pen.rect(left, 0, width - left, height)
  pen.clip()
  const pattern = stripes(pen, palette.outcomes[INFO] ?? '', palette.paper)
  for (const [place, bin] of bins.entries()) {
    const x0 = xOf(model, sheet, (first + place) * binUs)
    const x1 = xOf(model, sheet, (first + place + 1) * binUs)
    let below = 0
    for (const outcome of DRAWN_IN_ORDER) {
      const rate = (bin[outcome] ?? 0) * perSecond
      if (rate === 0) continue
      const y1 = yOf(below + rate)
      pen.fillStyle = outcome === INFO ? pattern : (palette.outcomes[outcome] ?? '')
      pen.fillRect(x0, y1, Math.max(1, x1 - x0 - 1), yOf(below) - y1)
      below += rate
    }
  }
  pen.restore()
}

/** Each outcome has its own mark: a dot, a cross, a ring. A point on a taken pixel is left out. */
function drawPoints(
  model: Model,
  sheet: Sheet,
  palette: Palette,
  of: {
    readonly outcome: number
    readonly yOf: (took: number) => number
    readonly dot: number
  },
): void {
  const { outcome, yOf, dot } = of
  const { pen, width, height, left } = sheet
  const { from, to } = model.view.window
  const taken = new Uint8Array(Math.ceil(width) * Math.ceil(height))
  pen.fillStyle = palette.outcomes[outcome] ?? ''
  pen.strokeStyle = palette.outcomes[outcome] ?? ''
  pen.lineWidth = 1.5
  pen.beginPath()
  for (let operation = 0; operation < model.count; operation++) {
    const took = model.data.operations.took[operation] ?? -1
    const at = startOf(model, operation)
    if (took < 0 || at < from || at > to || outcomeOf(model, operation) !== outcome) continue
    const x = Math.round(xOf(model, sheet, at))
    const y = Math.round(yOf(took))
    const pixel = y * Math.ceil(width) + x
    if (x < left || taken[pixel] === 1) continue
    taken[pixel] = 1
    if (outcome === OK) pen.rect(x - dot / 2, y - dot / 2, dot, dot)
    else if (outcome === FAIL) {
      pen.moveTo(x - 3, y - 3)
      pen.lineTo(x + 3, y + 3)
      pen.moveTo(x - 3, y + 3)
      pen.lineTo(x + 3, y - 3)
    } else {
      pen.moveTo(x + 3.5, y)
      pen.arc(x, y, 3.5, 0, 2 * Math.PI)
    }
  }
  if (outcome === OK) pen.fill()
  else pen.stroke()
}

/** The powers of ten, in microseconds, between which all latencies lie. */
function powersOfTen({ data }: Model): [number, number] {
  let least = Infinity
  let most = 1
  for (const took of data.operations.took) {
    if (took < 0) continue
    least = Math.min(least, Math.max(1, took))
    most = Math.max(most, took)
  }
  const low = Math.floor(Math.log10(Number.isFinite(least) ? least : 1))
  return [low, Math.max(low + 1, Math.ceil(Math.log10(most)))]
}

/** Counts operations in the window by outcome and end time. The bins begin with number `first`. */
function countBins(
  model: Model,
  binUs: number,
): { readonly bins: [number, number, number][]; readonly first: number } {
  const { from, to } = model.view.window
  const first = Math.floor(from / binUs)
  const count = Math.floor(to / binUs) - first + 1
  const bins = Array.from({ length: count }, (): [number, number, number] => [0, 0, 0])
  for (let operation = 0; operation < model.count; operation++) {
    const bin = bins[Math.floor(endOf(model, operation) / binUs) - first]
    const outcome = outcomeOf(model, operation)
    if (bin !== undefined) bin[outcome] = (bin[outcome] ?? 0) + 1
  }
  return { bins, first }
}

function drawLevels(
  { pen, left, width }: Sheet,
  palette: Palette,
  levels: readonly { readonly y: number; readonly text: string }[],
): void {
  pen.font = `11px ${palette.font}`
  pen.textAlign = 'right'
  pen.textBaseline = 'middle'
  for (const { y, text } of levels) {
    pen.fillStyle = palette.line
    pen.fillRect(left, Math.round(y), width - left, 1)
    pen.fillStyle = palette.quiet
    pen.fillText(text, left - 6, y)
  }
}
