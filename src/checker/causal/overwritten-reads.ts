/**
 * Finds reads that contradict their own causal past (Bouajjani, Enea, Guerraoui, Hamza 2017, extended to reads of
 * several values). In a `stale read` (WriteCORead) a write of the key comes before the read and after a value that it
 * returned. In a `missing cause` (WriteCOInitRead) such a write comes before the read, but the read returned nothing.
 */
import type { CausalOrder } from './causal-order.ts'
import type { CausalPaths } from './causal-path.ts'
import { chainWords, valuesWords } from './chain-words.ts'
import type { Finding } from './finding.ts'
import { type KeyWrites, newestKnown, someDelete } from './key-writes.ts'
import { isOfNothing, type ReadStep, type Step, type WriteStep } from './step.ts'
import { nameOf } from '../verdict/wording.ts'

export interface Judging {
  readonly order: CausalOrder
  readonly written: ReadonlyMap<string, KeyWrites>
  readonly paths: CausalPaths
}

/** The finding for a read, if any. A read has at most one, even if it returned several values. */
export function overwrittenRead(judging: Judging, read: ReadStep): Finding | undefined {
  const known = knownTo(judging, read)
  const replaced = replacedIn(judging, read, known)
  if (replaced === undefined) return undefined
  return replaced === 'all'
    ? missingCause(judging, read, known)
    : staleRead(judging, read, replaced)
}

/** Whether the read's causal past had replaced a value that it returned, or the absence that it returned. */
export function isOverwritten(judging: Judging, read: ReadStep): boolean {
  return replacedIn(judging, read, knownTo(judging, read)) !== undefined
}

function knownTo({ order, written }: Judging, read: ReadStep): readonly WriteStep[] {
  const writes = written.get(read.key)
  return writes === undefined ? [] : newestKnown(order, writes, read)
}

function replacedIn(
  { order, written }: Judging,
  read: ReadStep,
  known: readonly WriteStep[],
): WriteStep | 'all' | undefined {
  const writes = written.get(read.key)
  if (writes === undefined) return undefined
  if (isOfNothing(read)) return isEmptied(order, writes, read, known) ? undefined : 'all'
  // Siblings must be concurrent, so a replaced value is stale even if its replacement was returned beside it.
  return read.sources.find((source) => known.some((write) => order.isBefore(source, write)))
}

/** Whether an empty result is allowed: no write is known, or a delete may be newer than every known write. */
function isEmptied(
  order: CausalOrder,
  writes: KeyWrites,
  read: ReadStep,
  known: readonly WriteStep[],
): boolean {
  if (known.length === 0) return true
  const isLast = (each: WriteStep): boolean => !known.some((write) => order.isBefore(each, write))
  return someDelete(writes, read, isLast)
}

function staleRead({ order, paths }: Judging, read: ReadStep, stale: WriteStep): Finding {
  const { key, operation } = read
  return {
    kind: 'stale read',
    key,
    culprit: operation,
    tell: () => {
      const isReplacement = (step: Step): boolean =>
        step.type === 'write' && step.key === key && order.isBefore(stale, step)
      const later = paths.shortest(isReplacement, read) ?? [read]
      const earlier = paths.shortest((step) => step === stale, later[0] as Step) ?? []
      const chain = [...earlier.slice(0, -1), ...later].map((step) => step.operation)
      return {
        words: `client ${operation.session} read ${valuesWords([stale.operation.input])} from ${nameOf(key)}, although a write in its causal past had replaced that value: ${chainWords(chain)}`,
        operations: chain,
      }
    },
  }
}

function missingCause(
  { order, paths }: Judging,
  read: ReadStep,
  known: readonly WriteStep[],
): Finding {
  const { key, operation } = read
  return {
    kind: 'missing cause',
    key,
    culprit: operation,
    tell: () => {
      // Older writes may have been deleted, so only writes without a newer known write must be visible.
      const last = new Set<Step>(
        known.filter((each) => !known.some((write) => order.isBefore(each, write))),
      )
      const path = paths.shortest((step) => last.has(step), read) ?? [read]
      const chain = path.map((step) => step.operation)
      return {
        words: `client ${operation.session} found no value in ${nameOf(key)}, although a write to that key is in its causal past: ${chainWords(chain)}`,
        operations: chain,
      }
    },
  }
}
