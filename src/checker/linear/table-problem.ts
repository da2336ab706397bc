/** Makes the input of the search from a table of steps. */
import { Scratch } from './scratch.ts'
import { FOLLOWS, type Problem, type StateId } from './search-problem.ts'
import type { Steps } from './step-table.ts'

/** The problem that the rows with a step pose. It is valid as long as the arrays of `scratch`. */
export function problemOf(
  { table, events: rowEvents }: Steps,
  initial: readonly StateId[],
  follows: (state: StateId, argument: number) => StateId,
  scratch = new Scratch(),
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
  // ANY and SAME are negative.
  const numberOf = (state: StateId): StateId =>
    canFollow || state < 0 ? state : scratch.states.of(state)
  const rows = scratch.lend(count)
  const needs = scratch.lend(count)
  const avoids = scratch.lend(count)
  const gives = scratch.lend(count)
  const isCrashed = scratch.lend(count)
  const events = scratch.lend(count + returned)
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
    scratch,
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
