/**
 * Steps as rows of numbers, so that those of a million operations lie side by side. A row is reserved when its operation
 * begins, and filled when it ends, so the rows are in the order of invocation.
 */
import { ANY, FOLLOWS, SAME, type StateId, type Step } from './search-problem.ts'
import { doubled } from './whole-numbers.ts'

/** The columns of a row. */
const FIRST = 0
const LAST = 1
const INVOKED = 2
const RETURNED = 3
const NEEDS = 4
const AVOIDS = 5
/** FOLLOWS or less if the step follows: FOLLOWS less its argument. */
const GIVES = 6
const OP = 7
const WIDTH = 8

/** The rows of an object lie together in blocks of so many, so that deciding it finds most of them in the cache. */
export const BLOCK_ROWS = 16

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
    this.#cells = new Int32Array(Math.max(1, rows + BLOCK_ROWS) * WIDTH)
  }

  /** Reserves the rows of one block, and returns the first. */
  reserveBlock(): number {
    const row = this.#count
    this.#count += BLOCK_ROWS
    if (this.#count * WIDTH > this.#cells.length) this.#cells = doubled(this.#cells)
    return row
  }

  /** Begins the row of an operation at the index `first` of the history and `event` of the object. */
  begin(row: number, first: number, event: number): void {
    const cells = this.#cells
    const at = row * WIDTH
    cells[at + FIRST] = first
    cells[at + LAST] = first
    cells[at + INVOKED] = event
    cells[at + NEEDS] = ANY
    cells[at + AVOIDS] = ANY
    cells[at + GIVES] = SAME
  }

  /** Says what the operation shows. A row that is never filled shows nothing. */
  fill(row: number, needs: StateId, avoids: StateId, gives: StateId): void {
    const cells = this.#cells
    const at = row * WIDTH
    cells[at + NEEDS] = needs
    cells[at + AVOIDS] = avoids
    cells[at + GIVES] = gives
  }

  /** The same for an operation whose state follows from the state before it. */
  fillFollowing(row: number, argument: number): void {
    this.fill(row, ANY, ANY, FOLLOWS - argument)
  }

  /** Notes the last event of the operation. */
  end(row: number, last: number): void {
    this.#cells[row * WIDTH + LAST] = last
  }

  /** Notes that the operation returned at the `event` of its object. Otherwise it counts as crashed. */
  return(row: number, event: number): void {
    this.#cells[row * WIDTH + RETURNED] = event
  }

  /** Makes the row one that shows nothing. */
  drop(row: number): void {
    this.fill(row, ANY, ANY, SAME)
  }

  has(row: number): boolean {
    const at = row * WIDTH
    const cells = this.#cells
    return cells[at + NEEDS] !== ANY || cells[at + GIVES] !== SAME || cells[at + AVOIDS] !== ANY
  }

  /** No return is the event 0 of an object. */
  isCrashed(row: number): boolean {
    return this.#cells[row * WIDTH + RETURNED] === 0
  }

  invokedAt(row: number): number {
    return this.#cells[row * WIDTH + INVOKED] as number
  }

  returnedAt(row: number): number {
    return this.#cells[row * WIDTH + RETURNED] as number
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
    return Math.max(FOLLOWS, this.#cells[row * WIDTH + GIVES] as number)
  }

  /** 0 if the step does not follow. */
  argumentOf(row: number): number {
    return Math.max(0, FOLLOWS - (this.#cells[row * WIDTH + GIVES] as number))
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
    const { isCrashed, lastIndex, needs, avoids, gives, argument } = steps[row] as Step
    while (next < count && (steps[next] as Step).firstIndex <= lastIndex) {
      table.begin(next, (steps[next] as Step).firstIndex, at)
      events[at++] = next++
    }
    if (gives === FOLLOWS) table.fillFollowing(row, argument)
    else table.fill(row, needs, avoids, gives)
    table.end(row, lastIndex)
    if (isCrashed) continue
    table.return(row, at)
    events[at++] = ~row
  }
  return { table, events }
}
