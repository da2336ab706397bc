/// <reference lib="dom" />
/** Connects the parts of the page: pictures, controls and the buttons of the story share one view. */
import { drawLatency, drawThroughput } from './charts.ts'
import { hideDetails, NARROW_PX, showDetails, showLines } from './details.ts'
import { listenForGestures } from './gestures.ts'
import { layLanes, type LaneLayout } from './lane-layout.ts'
import { drawLanes, lanesHeight, operationAt, type Sheet } from './lane-picture.ts'
import { endOf, marked, OUTCOME_WORDS, readModel, startOf, type Model } from './model.ts'
import { readPalette, type Palette } from './palette.ts'
import { around, moved, timeText, zoomed, type TimeWindow } from './time-window.ts'

const CHART_HEIGHT = 190
/** The charts are drawn after the lanes rest, because they visit every operation and would make a drag stutter. */
const CHARTS_REST_MS = 60
const BUTTON_ZOOM = 0.5
/** A selected operation is shown with this much time around it: a multiple of its duration, and a minimum. */
const AROUND_SPANS = 14
const AROUND_US_MIN = 60_000
const HOVER_REACH_PX = 3
const TOUCH_REACH_PX = 16

function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E
}

function start(): void {
  for (const part of document.querySelectorAll<HTMLElement>('.drawn')) part.hidden = false
  const model = readModel()
  const canvas = element<HTMLCanvasElement>('lanes')
  let palette = readPalette()
  let layout = layLanes(model)
  let isDrawing = false
  let charts = 0
  const draw = (): void => {
    clearTimeout(charts)
    charts = window.setTimeout(() => drawCharts(model, palette), CHARTS_REST_MS)
    if (isDrawing) return
    isDrawing = true
    requestAnimationFrame(() => {
      isDrawing = false
      drawAll(model, layout, palette)
    })
  }
  const show = (window: TimeWindow): void => {
    model.view.window = window
    draw()
  }
  const relay = (): void => {
    layout = layLanes(model)
    draw()
  }
  const timeAt = (x: number): number => {
    const left = leftOf(canvas.clientWidth)
    const { from, to } = model.view.window
    return from + ((x - left) / (canvas.clientWidth - left)) * (to - from)
  }
  const end = model.data.endUs
  const zoomAt = (time: number, factor: number): boolean => {
    const before = model.view.window
    const after = zoomed(before, end, time, factor)
    if (after.from === before.from && after.to === before.to) return false
    show(after)
    return true
  }
  const operationUnder = (event: PointerEvent): number =>
    operationAt(model, layout, sheetOf(canvas, canvas.clientHeight), {
      x: event.offsetX,
      y: event.offsetY,
      reach: event.pointerType === 'mouse' ? HOVER_REACH_PX : TOUCH_REACH_PX,
    })
  const point = (event: PointerEvent): void => {
    const at = { x: event.clientX, y: event.clientY }
    const operation = operationUnder(event)
    if (operation >= 0) {
      showDetails(model, operation, at)
      return
    }
    const time = timeAt(event.offsetX)
    const faults = model.data.faults.filter(({ from, to }) => from <= time && time <= to)
    if (faults.length > 0)
      showLines(
        faults.map(({ what }) => `fault: ${what}`),
        at,
      )
    else hideDetails()
  }
  listenForGestures(canvas, {
    zoom: (x, factor) => zoomAt(timeAt(x), factor),
    move: (byPx) => {
      const { from, to } = model.view.window
      const perPx = (to - from) / Math.max(1, canvas.clientWidth - leftOf(canvas.clientWidth))
      show(moved(model.view.window, end, -byPx * perPx))
    },
    whole: () => show({ from: 0, to: end }),
    point,
    leave: hideDetails,
    tap: (event) => {
      model.view.selected = operationUnder(event)
      point(event)
      draw()
    },
  })
  const middle = (): number => (model.view.window.from + model.view.window.to) / 2
  element('zoom-in').addEventListener('click', () => zoomAt(middle(), BUTTON_ZOOM))
  element('zoom-out').addEventListener('click', () => zoomAt(middle(), 1 / BUTTON_ZOOM))
  element('whole-run').addEventListener('click', () => show({ from: 0, to: end }))
  listenToChoices(model, relay)
  listenToStory(model, relay)
  listenToCopy()
  writeLegend(model)
  new ResizeObserver(draw).observe(element('lanes-frame'))
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    palette = readPalette()
    draw()
  })
  draw()
}

function drawAll(model: Model, layout: LaneLayout, palette: Palette): void {
  const canvas = element<HTMLCanvasElement>('lanes')
  drawLanes(model, layout, sheetOf(canvas, lanesHeight(layout)), palette)
  const { from, to } = model.view.window
  const step = (to - from) / 100
  element('window-text').textContent = `${timeText(from, step)} to ${timeText(to, step)}`
  canvas.dataset['from'] = String(Math.round(from))
  canvas.dataset['to'] = String(Math.round(to))
  canvas.dataset['selected'] = String(model.data.operations.first[model.view.selected] ?? '')
  element('lanes-note').textContent =
    layout.leftOut === 0
      ? ''
      : `${layout.leftOut} more lanes are not shown. Choose a key to see all of its operations.`
  for (const button of document.querySelectorAll<HTMLElement>('.operation')) {
    const isChosen = button.dataset['op'] === canvas.dataset['selected']
    button.setAttribute('aria-pressed', String(isChosen))
  }
}

function drawCharts(model: Model, palette: Palette): void {
  drawLatency(model, sheetOf(element<HTMLCanvasElement>('latency'), CHART_HEIGHT), palette)
  drawThroughput(model, sheetOf(element<HTMLCanvasElement>('throughput'), CHART_HEIGHT), palette)
}

/** A sheet as wide as its frame, sharp on any screen. */
function sheetOf(canvas: HTMLCanvasElement, height: number): Sheet {
  const pen = canvas.getContext('2d')
  if (pen === null) throw new Error('this browser cannot draw on a canvas')
  const width = canvas.parentElement?.clientWidth ?? canvas.clientWidth
  const ratio = devicePixelRatio
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide
    canvas.height = high
    canvas.style.height = `${height}px`
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  return { pen, width, height, left: leftOf(width) }
}

function leftOf(width: number): number {
  return width < NARROW_PX ? 58 : 72
}

function listenToChoices({ data, view }: Model, relay: () => void): void {
  const filter = element<HTMLSelectElement>('key-filter')
  for (const [place, name] of data.keys.entries()) {
    filter.add(new Option(name === '' ? 'the object' : name, String(place)))
  }
  filter.addEventListener('change', () => {
    view.key = filter.value === '' ? -1 : Number(filter.value)
    relay()
  })
  const laneBy = element<HTMLSelectElement>('lane-by')
  laneBy.addEventListener('change', () => {
    view.laneBy = laneBy.value === 'key' ? 'key' : 'client'
    relay()
  })
}

function listenToStory(model: Model, relay: () => void): void {
  const { data, view } = model
  const choose = (story: number, key: number): void => {
    view.story = story
    view.key = key
    element<HTMLSelectElement>('key-filter').value = key < 0 ? '' : String(key)
  }
  const places = new Map(data.operations.first.map((first, place) => [String(first), place]))
  const storyOf = (part: HTMLElement): number =>
    Number(part.closest<HTMLElement>('[data-story]')?.dataset['story'] ?? -1)
  for (const button of document.querySelectorAll<HTMLElement>('.operation')) {
    button.addEventListener('click', () => {
      const operation = places.get(button.dataset['op'] ?? '') ?? -1
      if (operation < 0) return
      const key = data.operations.key[operation] ?? -1
      choose(storyOf(button), view.key === key ? key : -1)
      view.selected = operation
      const [from, to] = [startOf(model, operation), endOf(model, operation)]
      view.window = around(
        data.endUs,
        from,
        to,
        Math.max(AROUND_US_MIN, (to - from) * AROUND_SPANS),
      )
      relay()
      bringIntoView()
    })
  }
  for (const button of document.querySelectorAll<HTMLElement>('.show-key')) {
    button.addEventListener('click', () => {
      const { key } = button.dataset
      choose(storyOf(button), key === undefined ? -1 : data.keys.indexOf(key))
      view.selected = -1
      const told = marked(model)
      const from = Math.min(...told.map((operation) => startOf(model, operation)))
      const to = Math.max(...told.map((operation) => endOf(model, operation)))
      view.window =
        told.length === 0
          ? { from: 0, to: data.endUs }
          : around(data.endUs, from, to, AROUND_US_MIN)
      relay()
      bringIntoView()
    })
  }
  for (const evidence of document.querySelectorAll<HTMLDetailsElement>('details.evidence')) {
    evidence.addEventListener('toggle', () => {
      if (!evidence.open) return
      view.story = storyOf(evidence)
      relay()
    })
  }
}

function bringIntoView(): void {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches
  element('lanes-section').scrollIntoView({ behavior: isCalm ? 'auto' : 'smooth', block: 'start' })
}

function listenToCopy(): void {
  const button = element('copy-command')
  button.addEventListener('click', () => {
    const command = element('command')
    navigator.clipboard
      .writeText(command.textContent)
      .then(() => (button.textContent = 'Copied'))
      // If the browser does not allow this, select the command, so that the reader can copy it.
      .catch(() => getSelection()?.selectAllChildren(command))
  })
}

function writeLegend({ data }: Model): void {
  const entries = ['ok', 'fail', 'info'].map((name, i) => [name, OUTCOME_WORDS[i] ?? name])
  if (data.faults.length > 0) entries.push(['band', 'fault (paler while it is injected or healed)'])
  if (data.stories.some(({ operations }) => operations.length > 0)) {
    entries.push(['mark', 'step of the story, with its number'])
  }
  if (data.orders.length > 0) entries.push(['rank', 'position in the order that the check found'])
  element('legend').replaceChildren(
    ...entries.map(([name, words]) => {
      const entry = document.createElement('li')
      const sample = document.createElement('i')
      sample.className = `sample ${name}`
      if (name === 'rank') sample.textContent = '7'
      entry.append(sample, words ?? '')
      return entry
    }),
  )
}

start()
