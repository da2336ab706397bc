/**
 * Reads of a register that returned what no write wrote, or only writes that were rejected. No level of consistency
 * allows these, so they are told apart from reads that are only out of order.
 */
import { seconds, type Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { Evidence } from '../verdict/verdict.ts'
import { Interning } from './interning.ts'

/** `operations`: all of one register. `initial`: what it may hold at the start. */
export function unwrittenReads(
  key: string,
  operations: readonly Operation[],
  initial: readonly Json[],
): Evidence[] {
  // The value of an append depends on what was there before it.
  if (operations.some(({ f }) => f === 'append')) return []
  const name = key === '' ? 'the object' : `key ${key}`
  const values = new Interning()
  const idsOf = (writes: readonly Operation[]): Set<number> =>
    new Set(writes.flatMap(writtenBy).map((value) => values.idOf(value)))
  const written = idsOf(operations.filter(({ outcome }) => outcome !== 'fail'))
  const rejected = idsOf(operations.filter(({ outcome }) => outcome === 'fail'))
  for (const value of [null, ...initial]) written.add(values.idOf(value))
  return operations
    .filter(({ f, outcome, isUntold }) => READS.has(f) && outcome === 'ok' && !isUntold)
    .filter(({ output }) => !written.has(values.idOf(output)))
    .map(({ node, output, completedAt, firstIndex }) => {
      const isRejected = rejected.has(values.idOf(output))
      const who = isRejected ? 'whose write was rejected' : 'which nobody wrote'
      return {
        kind: isRejected ? 'rejected' : 'invented',
        key,
        words: `the read of ${name} by ${node ?? 'the store'} at ${seconds(completedAt)} is ${JSON.stringify(output)}, ${who}`,
        operations: [firstIndex],
      }
    })
}

const READS: ReadonlySet<string> = new Set(['read', 'get'])

function writtenBy({ f, input }: Operation): Json[] {
  if (f === 'write' || f === 'put') return [input]
  return f === 'cas' && Array.isArray(input) ? [(input as Json[])[1] ?? null] : []
}
