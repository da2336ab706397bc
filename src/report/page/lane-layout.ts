/// <reference lib="dom" />
/** Decides which operation is in which row. A lane has several rows if its operations overlap. */
import { endOf, startOf, type Model } from './model.ts'

export interface Row {
  /** In the order of their starts. */
  readonly operations: readonly number[]
  /**
   * The longest duration in microseconds. An operation that starts earlier than this before a time has ended by then.
   */
  readonly longest: number
}

export interface Lane {
  readonly name: string
  readonly rows: readonly Row[]
}

export interface LaneLayout {
  readonly lanes: readonly Lane[]
  readonly rowCount: number
  /** The number of lanes that are left out, because nobody could distinguish so many. */
  readonly leftOut: number
}

const ROWS_A_LANE_MAX = 10
const ROWS_MAX = 400

export function layLanes(model: Model): LaneLayout {
  const { data, view } = model
  const names = view.laneBy === 'client' ? data.clients : data.keys
  const column = view.laneBy === 'client' ? data.operations.client : data.operations.key
  const own: number[][] = names.map(() => [])
  for (let operation = 0; operation < model.count; operation++) {
    if (view.key >= 0 && data.operations.key[operation] !== view.key) continue
    own[column[operation] ?? -1]?.push(operation)
  }
  const lanes: Lane[] = []
  let rowCount = 0
  let leftOut = 0
  for (const [place, operations] of own.entries()) {
    if (operations.length === 0) continue
    const rows = rowsOf(model, operations)
    if (rowCount + rows.length > ROWS_MAX) {
      leftOut++
      continue
    }
    rowCount += rows.length
    lanes.push({ name: names[place] === '' ? 'the object' : (names[place] ?? ''), rows })
  }
  return { lanes, rowCount, leftOut }
}

/** Puts each operation into the first free row. If no row is free, it takes the one that becomes free first. */
function rowsOf(model: Model, operations: readonly number[]): Row[] {
  const rows: { operations: number[]; longest: number; freeAt: number }[] = []
  for (const operation of operations) {
    const from = startOf(model, operation)
    const to = endOf(model, operation)
    let row = rows.find(({ freeAt }) => freeAt <= from)
    if (row === undefined && rows.length < ROWS_A_LANE_MAX) {
      row = { operations: [], longest: 0, freeAt: 0 }
      rows.push(row)
    }
    row ??= rows.reduce((soonest, each) => (each.freeAt < soonest.freeAt ? each : soonest))
    row.operations.push(operation)
    row.longest = Math.max(row.longest, to - from)
    row.freeAt = to
  }
  return rows
}

/** The index in the row of the first operation that may still be running at `time`. */
export function firstAt(model: Model, row: Row, time: number): number {
  let low = 0
  let high = row.operations.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (startOf(model, row.operations[middle] ?? 0) < time - row.longest) low = middle + 1
    else high = middle
  }
  return low
}
