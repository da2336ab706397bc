/**
 * Finds reads of a register that returned a value that nobody wrote, or that only rejected writes wrote. No level of
 * consistency allows these, so they are reported apart from reads that are only out of order.
 */
import type { Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { Evidence } from '../verdict/verdict.ts'
import { readWords } from '../verdict/wording.ts'
import { Interning } from './interning.ts'

/** `operations` are all of one register. `initial` lists the values that it may hold at the start. */
export function unwrittenReads(
  key: string,
  operations: readonly Operation[],
  initial: readonly Json[],
): Evidence[] {
  // With appends, the values that can be read are not known in advance.
  if (operations.some(({ f }) => f === 'append')) return []
  const values = new Interning()
  const idsOf = (writes: readonly Operation[]): Set<number> =>
    new Set(writes.flatMap(writtenBy).map((value) => values.idOf(value)))
  const written = idsOf(operations.filter(({ outcome }) => outcome !== 'fail'))
  const rejected = idsOf(operations.filter(({ outcome }) => outcome === 'fail'))
  for (const value of [null, ...initial]) written.add(values.idOf(value))
  return operations
    .filter(({ f, outcome, isUntold }) => READS.has(f) && outcome === 'ok' && !isUntold)
    .filter(({ output }) => !written.has(values.idOf(output)))
    .map((read) => {
      const isRejected = rejected.has(values.idOf(read.output))
      const value = JSON.stringify(read.output)
      const but = isRejected ? `the write of ${value} was rejected` : `nobody wrote ${value}`
      return {
        kind: isRejected ? 'rejected' : 'invented',
        key,
        words: `${readWords(read, value)}, but ${but}`,
        operations: [read.firstIndex],
      }
    })
}

const READS: ReadonlySet<string> = new Set(['read', 'get'])

function writtenBy({ f, input }: Operation): Json[] {
  if (f === 'write' || f === 'put') return [input]
  return f === 'cas' && Array.isArray(input) ? [(input as Json[])[1] ?? null] : []
}
