/**
 * Removes failed compare-and-sets that make no difference. A failed compare-and-set only says that the object did not
 * hold a value. Most of them are certain to fit into any order, and each would make the search slower.
 */
import { ANY } from './search-problem.ts'
import type { Steps, StepTable } from './step-table.ts'

/**
 * Drops the steps for which any order has room. A step has room if another operation that certainly happened lies within
 * the time of the step, and the object held, at that moment or right after it, another value than the step avoids. The
 * remaining steps can be ordered if and only if all can.
 */
export function dropIdleAvoidance({ table, events }: Steps): void {
  for (let at = 0; at < events.length; at++) {
    const row = events[at] as number
    if (row < 0 || !table.has(row) || table.avoidsOf(row) === ANY) continue
    if (hasRoom(table, row, events, at)) table.drop(row)
  }
}

function hasRoom(table: StepTable, row: number, events: Int32Array, at: number): boolean {
  const avoided = table.avoidsOf(row)
  for (let inside = at + 1; inside < events.length && events[inside] !== ~row; inside++) {
    const event = events[inside] as number
    if (event >= 0 || ~event < row) continue
    const needed = table.needsOf(~event)
    const given = table.givesOf(~event)
    if (needed >= 0 && needed !== avoided) return true
    if (given >= 0 && given !== avoided) return true
  }
  return false
}
