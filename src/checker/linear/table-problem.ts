/** Makes the input of the search from a table of steps. */
import { ANY, FOLLOWS, type Problem, type StateId } from './search-problem.ts'
import type { Steps } from './step-table.ts'

/** The problem that the rows with a step pose. */
export function problemOf(
  { table, events: rowEvents }: Steps,
  initial: readonly StateId[],
  follows: (state: StateId, argument: number) => StateId,
): Problem {
  let count = 0
  let returned = 0
  let canFollow = false
  for (const event of rowEvents) {
    if (!table.has(event < 0 ? ~event : event)) continue
    if (event < 0) returned++
    else {
      count++
      if (table.givesOf(event) === FOLLOWS) canFollow = true
    }
  }
  const numberOf = canFollow ? (state: StateId): StateId => state : numbering()
  const rows = new Int32Array(count)
  const needs = new Int32Array(count)
  const avoids = new Int32Array(count)
  const gives = new Int32Array(count)
  const isCrashed = new Uint8Array(count)
  const events = new Int32Array(count + returned)
  let op = 0
  let at = 0
  for (const event of rowEvents) {
    const row = event < 0 ? ~event : event
    if (!table.has(row)) continue
    if (event < 0) {
      events[at++] = ~table.opOf(row)
      continue
    }
    events[at++] = op
    table.setOp(row, op)
    rows[op] = row
    needs[op] = numberOf(table.needsOf(row))
    avoids[op] = numberOf(table.avoidsOf(row))
    gives[op] = numberOf(table.givesOf(row))
    if (table.isCrashed(row)) isCrashed[op] = 1
    op++
  }
  return {
    count,
    rows,
    events,
    isCrashed,
    needs,
    avoids,
    gives,
    initial: initial.map(numberOf),
    argumentOf: (of) => table.argumentOf(rows[of] as number),
    follows: (state, of) => follows(state, table.argumentOf(rows[of] as number)),
  }
}

/** Numbers the states of one object from 0, because the search has tables of all its states. */
function numbering(): (state: StateId) => StateId {
  const numbers = new Map<StateId, StateId>([[ANY, ANY]])
  return (state) => {
    const known = numbers.get(state)
    if (known !== undefined) return known
    const number = numbers.size - 1
    numbers.set(state, number)
    return number
  }
}
