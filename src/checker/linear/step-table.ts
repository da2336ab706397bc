/**
 * Steps as rows of numbers, so that those of a million operations lie side by side. A row is reserved when its operation
 * begins, and filled when it ends, so the rows are in the order of invocation.
 */
import type { StateId, Step } from './search-problem.ts'
import { doubled } from './whole-numbers.ts'

/** The columns of a row. */
const FIRST = 0
const LAST = 1
const KIND = 2
const NEEDS = 3
const AVOIDS = 4
const GIVES = 5
const ARGUMENT = 6
const OP = 7
const WIDTH = 8

/** The kinds of rows. A row without a step shows nothing. */
const NOTHING = 0
const RETURNED = 1
const CRASHED = 2

/** The steps of one object. */
export interface Steps {
  /** Other objects may have rows in it, too. */
  readonly table: StepTable
  /** The events of the object in order: `row` for an invocation, `~row` for the return of a step. */
  readonly events: Int32Array
}

export class StepTable {
  #cells: Int32Array
  #count = 0

  /** `rows` is the number of rows that are expected. */
  constructor(rows: number) {
    this.#cells = new Int32Array(Math.max(1, rows) * WIDTH)
  }

  /** Reserves the row of an operation that begins at the index `first`. */
  begin(first: number): number {
    const row = this.#count++
    const at = row * WIDTH
    if (at === this.#cells.length) this.#cells = doubled(this.#cells)
    this.#cells[at + FIRST] = first
    this.#cells[at + LAST] = first
    return row
  }

  /** Fills the row of an operation that ends at the index `last`. Without a step, it shows nothing. */
  end(row: number, last: number, step: Omit<Step, 'source'> | undefined): void {
    const cells = this.#cells
    const at = row * WIDTH
    cells[at + LAST] = last
    if (step === undefined) return
    cells[at + KIND] = step.isCrashed ? CRASHED : RETURNED
    cells[at + NEEDS] = step.needs
    cells[at + AVOIDS] = step.avoids
    cells[at + GIVES] = step.gives
    cells[at + ARGUMENT] = step.argument
  }

  /** Makes the row one that shows nothing. */
  drop(row: number): void {
    this.#cells[row * WIDTH + KIND] = NOTHING
  }

  has(row: number): boolean {
    return this.#cells[row * WIDTH + KIND] !== NOTHING
  }

  isCrashed(row: number): boolean {
    return this.#cells[row * WIDTH + KIND] === CRASHED
  }

  /** The index of the event at which the operation began. */
  firstOf(row: number): number {
    return this.#cells[row * WIDTH + FIRST] as number
  }

  /** The index of its last event. */
  lastOf(row: number): number {
    return this.#cells[row * WIDTH + LAST] as number
  }

  needsOf(row: number): StateId {
    return this.#cells[row * WIDTH + NEEDS] as number
  }

  avoidsOf(row: number): StateId {
    return this.#cells[row * WIDTH + AVOIDS] as number
  }

  givesOf(row: number): StateId {
    return this.#cells[row * WIDTH + GIVES] as number
  }

  argumentOf(row: number): number {
    return this.#cells[row * WIDTH + ARGUMENT] as number
  }

  /** The number of the step in the problem that was made last; undefined at first. */
  opOf(row: number): number {
    return this.#cells[row * WIDTH + OP] as number
  }

  setOp(row: number, op: number): void {
    this.#cells[row * WIDTH + OP] = op
  }

  stepOf(row: number): Step {
    return {
      source: row,
      isCrashed: this.isCrashed(row),
      firstIndex: this.firstOf(row),
      lastIndex: this.lastOf(row),
      needs: this.needsOf(row),
      avoids: this.avoidsOf(row),
      gives: this.givesOf(row),
      argument: this.argumentOf(row),
    }
  }
}

/** The steps of one object as a table of their own. They must be in the order of invocation, and so are the rows. */
export function tableOf(steps: readonly Step[]): Steps {
  const count = steps.length
  const table = new StepTable(count)
  const returned = steps.filter(({ isCrashed }) => !isCrashed).length
  // Sort by the index of the event. The remainder of the division by `count` is the step.
  const ends = Float64Array.from(steps, ({ lastIndex }, row) => lastIndex * count + row).sort()
  const events = new Int32Array(count + returned)
  let next = 0
  let at = 0
  for (const end of ends) {
    const row = end % count
    const step = steps[row] as Step
    while (next < count && (steps[next] as Step).firstIndex <= step.lastIndex) {
      events[at++] = table.begin((steps[next++] as Step).firstIndex)
    }
    table.end(row, step.lastIndex, step)
    if (!step.isCrashed) events[at++] = ~row
  }
  return { table, events }
}
