/**
 * Decides the level `no lost writes`: what the final reads of a key returned must not all be older than an acknowledged
 * write of the key.
 *
 * The final reads of a key are the last reads through each node that began after every change of the key had ended. A
 * value is older than a write if it had certainly been stored before the write began: its own write had ended, or a
 * client had read it. A concurrent write may have replaced the write, and a write of unknown outcome may have been
 * late, so these prove no loss. Only acknowledged writes can be lost.
 */
import type { Operation } from '../history/operation.ts'
import { nameOf } from '../verdict/wording.ts'
import { type Access, type Accesses, type Answer, isPlain } from './access.ts'
import { broken, HOLDS, type Judgement, unknown } from './level.ts'

export function lostWrites({ all, operations }: Accesses): Judgement {
  const shown = showingReads(all)
  const changes = Map.groupBy(
    all.filter(({ left }) => left !== undefined),
    ({ key }) => key,
  )
  const reads = Map.groupBy(
    all.filter(({ operation }) => operation.f === 'read'),
    ({ key }) => key,
  )
  const lastChanges = lastChangesOf(operations)
  const unread: string[] = []
  for (const [key, own] of changes) {
    const acknowledged = own.filter(({ operation }) => operation.outcome === 'ok')
    if (acknowledged.length === 0) continue
    const last = finalReadsOf(reads.get(key) ?? [], lastChanges.get(key) ?? -1)
    if (last.length === 0) {
      unread.push(key)
      continue
    }
    const known = Math.max(...last.map(({ answers }) => newestIndex(answers, shown)))
    // The newest lost write is the clearest one: the older ones may have been replaced by it.
    const lost = acknowledged.findLast(({ operation }) => operation.firstIndex > known)
    if (lost !== undefined) {
      const operations = told(lost, last, shown)
      return broken({ lead: leadOf(key), operations, culprit: lost.operation })
    }
  }
  if (unread.length === 0) return HOLDS
  const more = unread.length > 1 ? `, nor were ${unread.length - 1} other keys` : ''
  return unknown(
    `${nameOf(unread[0] as string)} was not read after its last change had ended${more}`,
  )
}

function leadOf(key: string): string {
  return `an acknowledged write of ${nameOf(key)} is missing at the end: the last read through each node returned an older state`
}

/** What is left, what shows that it is older, the lost write, and the final reads. */
function told(lost: Access, last: readonly Access[], shown: Showing): Operation[] {
  const left = last.flatMap(({ answers }) => answers.flatMap(({ givers }) => givers))
  const needed = new Set([...left, ...left.flatMap(({ id }) => shown[id] ?? []), lost, ...last])
  return [...needed].sort((a, b) => a.id - b.id).map(({ operation }) => operation)
}

/** For each write, the operation at whose end the write had certainly taken effect; undefined if there is none. */
type Showing = readonly (Access | undefined)[]

function showingReads(all: readonly Access[]): Showing {
  const shown: (Access | undefined)[] = all.map(() => undefined)
  const show = ({ id }: Access, by: Access): void => {
    const before = shown[id]
    if (before === undefined || by.operation.lastIndex < before.operation.lastIndex) shown[id] = by
  }
  for (const access of all) {
    const { operation, answers, isCertain } = access
    if (operation.outcome === 'ok') show(access, access)
    if (!isCertain) continue
    for (const answer of answers) {
      const [giver] = answer.givers
      if (giver !== undefined && isPlain(answer)) show(giver, access)
    }
  }
  return shown
}

/** The index by which the newest possible origin of the answers was certainly stored; Infinity if that is unknown. */
function newestIndex(answers: readonly Answer[], shown: Showing): number {
  const indexes = answers.map(({ givers, giverCount, fault }) => {
    if (fault !== undefined || giverCount > givers.length) return Infinity
    return givers.reduce(
      (newest, { id }) => Math.max(newest, shown[id]?.operation.lastIndex ?? Infinity),
      -1,
    )
  })
  return Math.max(...indexes)
}

function lastChangesOf(operations: readonly Operation[]): Map<string, number> {
  const last = new Map<string, number>()
  for (const { f, key = '', lastIndex } of operations) {
    if (f !== 'read') last.set(key, Math.max(last.get(key) ?? -1, lastIndex))
  }
  return last
}

function finalReadsOf(reads: readonly Access[], lastChange: number): Access[] {
  const byNode = new Map<string, Access>()
  for (const read of reads) {
    const { firstIndex, lastIndex, node = '' } = read.operation
    if (firstIndex < lastChange) continue
    const before = byNode.get(node)
    if (before === undefined || before.operation.lastIndex < lastIndex) byNode.set(node, read)
  }
  return [...byNode.values()]
}
