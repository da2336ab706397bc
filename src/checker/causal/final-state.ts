/**
 * Judges the final reads. The nodes must agree (kind `not converged`). A key must not go back (kind `lost`): not
 * everything that is left may be older than an acknowledged write. If a concurrent write replaced the acknowledged one,
 * that does not contradict cause and effect.
 *
 * Final reads come from sessions of their own. A session that did anything before the last change is still at work.
 */
import { finalReads, identityOf, type FinalRead } from '../history/final-reads.ts'
import type { Operation } from '../history/operation.ts'
import type { Evidence } from '../verdict/verdict.ts'
import { nameOf, nodesOf, timesOf, unread } from '../verdict/wording.ts'
import type { CausalOrder } from './causal-order.ts'
import { momentWords, valuesWords } from './chain-words.ts'
import type { Finding } from './finding.ts'
import type { KeyWrites } from './key-writes.ts'
import { valuesRead, type WriteStep } from './step.ts'

/** The final reads of a key that was written. */
export interface KeyEnding {
  readonly key: string
  readonly reads: readonly FinalRead[]
  /** The operations of the reads that were answered. */
  readonly operations: readonly Operation[]
}

export function endingsOf(
  operations: readonly Operation[],
  written: ReadonlyMap<string, KeyWrites>,
): KeyEnding[] {
  const ofOwnSessions = withoutReadsAtWork(operations)
  const reads = finalReads(ofOwnSessions, valuesRead)
  const candidates = Map.groupBy(
    ofOwnSessions.filter(({ f, outcome }) => f === 'read' && outcome === 'ok'),
    ({ key }) => key ?? '',
  )
  return [...written.keys()].map((key) => {
    const own = reads.get(key) ?? []
    const answered = own.filter(({ values }) => values !== undefined)
    const isOf = ({ node, completedAt }: Operation): boolean =>
      answered.some((read) => read.node === node && read.at === completedAt)
    return { key, reads: own, operations: (candidates.get(key) ?? []).filter(isOf) }
  })
}

/** The keys and nodes that cannot be judged, because there is no final read or no answer. */
export function unreadEndings(endings: readonly KeyEnding[]): Evidence[] {
  return endings.flatMap(({ key, reads }) => {
    if (reads.length === 0) {
      return [{ kind: 'unjudged', key, words: `there is no final read of ${nameOf(key)}` }]
    }
    return reads.filter(({ values }) => values === undefined).map((read) => unread(key, read))
  })
}

export function divergence({ key, reads, operations }: KeyEnding): Finding[] {
  const answered = reads.filter(({ values }) => values !== undefined)
  const views = Map.groupBy(answered, ({ values = [] }) =>
    [...new Set(values.map(identityOf))].sort().join(', '),
  )
  if (views.size < 2) return []
  return [
    {
      kind: 'not converged',
      key,
      culprit: operations[0] as Operation,
      tell: () => ({
        words: `the nodes do not agree on ${nameOf(key)} at the end: ${[...views]
          .map(([content, of]) => `${nodesOf(of)} returned [${content}]`)
          .join('; ')}`,
        operations,
      }),
    },
  ]
}

/** The acknowledged writes that are newer than everything that is left: the newest write of each causal chain. */
export function lostWrites(
  { key, reads, operations }: KeyEnding,
  writes: KeyWrites,
  order: CausalOrder,
): Finding[] {
  const answered = reads.filter(({ values }) => values !== undefined)
  const left = sourcesOf(answered, writes)
  if (answered.length === 0 || left === undefined) return []
  const isAnyEmpty = answered.some(({ values }) => values?.length === 0)
  const lost = newestAcknowledged(writes, order).filter((write) => {
    if (left.length === 0 && write.isDelete) return false
    // A concurrent delete may have replaced the write, so that nothing is left.
    const isDeleted = writes.deletes.some(
      (other) => other !== write && !order.isBefore(other, write),
    )
    return !(isAnyEmpty && isDeleted) && left.every((other) => order.isBefore(other, write))
  })
  return lost.map((write) => ({
    kind: 'lost',
    key,
    culprit: write.operation,
    tell: () => ({
      words: lostWords(write.operation, key, answered),
      operations: [write.operation, ...operations],
    }),
  }))
}

function lostWords(operation: Operation, key: string, answered: readonly FinalRead[]): string {
  const { f, input, session } = operation
  const deed = f === 'delete' ? 'deleted' : `wrote ${valuesWords([input])} to`
  const values = new Set(answered.flatMap((read) => read.values ?? []))
  const left = values.size === 0 ? 'no value' : `only older values: ${valuesWords([...values])}`
  return `client ${session} ${deed} ${nameOf(key)} ${momentWords(operation)} and the store acknowledged it, but the final reads through ${nodesOf(answered)} at ${timesOf(answered)} returned ${left}`
}

/** The writes of the values that are left; undefined if one of the values was never written. */
function sourcesOf(
  answered: readonly FinalRead[],
  writes: KeyWrites,
): readonly WriteStep[] | undefined {
  const ids = new Set(answered.flatMap(({ values = [] }) => values.map(identityOf)))
  const left = writes.all.filter(
    ({ isDelete, operation }) => !isDelete && ids.has(identityOf(operation.input)),
  )
  return left.length < ids.size ? undefined : left
}

/** The last write of each session, without those that come before another of them. */
function newestAcknowledged({ bySession }: KeyWrites, order: CausalOrder): WriteStep[] {
  const last = [...bySession.values()].map((own) => own.at(-1) as WriteStep)
  return last.filter((write) => !last.some((other) => order.isBefore(write, other)))
}

function withoutReadsAtWork(operations: readonly Operation[]): Operation[] {
  let lastChange = -1
  for (const { f, lastIndex } of operations) {
    if (f !== 'read') lastChange = Math.max(lastChange, lastIndex)
  }
  const atWork = new Set<number>()
  for (const { f, session, firstIndex } of operations) {
    if (f !== 'read' || firstIndex < lastChange) atWork.add(session)
  }
  return operations.filter(
    ({ f, session, isUntold }) => f !== 'read' || !(isUntold || atWork.has(session)),
  )
}
