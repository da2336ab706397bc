/**
 * Reads that their own past contradicts (Bouajjani, Enea, Guerraoui, Hamza 2017, on reads of several values): a
 * write of the key is before the read, and after what it returned (`stale read`, WriteCORead), or it returned
 * nothing at all (`lost past`, WriteCOInitRead).
 */
import type { CausalOrder } from './causal-order.ts'
import type { CausalPaths } from './causal-path.ts'
import { chainWords, keyWords, valuesWords } from './chain-words.ts'
import type { Finding } from './finding.ts'
import { type KeyWrites, newestKnown, someDelete } from './key-writes.ts'
import { isOfNothing, type ReadStep, type Step, type WriteStep } from './step.ts'

export interface Judging {
  readonly order: CausalOrder
  readonly written: ReadonlyMap<string, KeyWrites>
  readonly paths: CausalPaths
}

/** What is wrong with a read, if something is; once for a read, whatever it returned. */
export function overwrittenRead(judging: Judging, read: ReadStep): Finding | undefined {
  const known = knownTo(judging, read)
  const replaced = replacedIn(judging, read, known)
  if (replaced === undefined) return undefined
  return replaced === 'all' ? lostPast(judging, read, known) : staleRead(judging, read, replaced)
}

/** Whether something of what the read returned, be it nothing, was replaced in its past. */
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
  // A list holds what was concurrent: that it also holds the newer one excuses nothing.
  return read.sources.find((source) => known.some((write) => order.isBefore(source, write)))
}

/** There may be nothing where nothing is known, or where a delete may be that nothing known came after. */
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
        words: `${valuesWords([stale.operation.input])} had been replaced, to the reader's knowledge, but was read from ${keyWords(key)}: ${chainWords(chain)}`,
        operations: chain,
      }
    },
  }
}

function lostPast({ order, paths }: Judging, read: ReadStep, known: readonly WriteStep[]): Finding {
  const { key, operation } = read
  return {
    kind: 'lost past',
    key,
    culprit: operation,
    tell: () => {
      // What is deleted may be gone: only what no known write came after must be there.
      const last = new Set<Step>(
        known.filter((each) => !known.some((write) => order.isBefore(each, write))),
      )
      const path = paths.shortest((step) => last.has(step), read) ?? [read]
      const chain = path.map((step) => step.operation)
      return {
        words: `nothing was read from ${keyWords(key)}, though a write of it was among the causes: ${chainWords(chain)}`,
        operations: chain,
      }
    },
  }
}
