/**
 * The model `siblings`: clients write unique values into keys that keep concurrent values as siblings, and read the
 * keys at the end. Promises: an acknowledged write is in every final read unless a later write replaced it. No value is
 * invented, no rejected write applies, no replaced value comes back, and all nodes agree.
 *
 * A write with a context replaces exactly the values that its client had read (`saw`). A blind write (`saw` null)
 * replaces everything that a quorum could see, so any write that did not begin after the blind write had ended. A blind
 * write of unknown outcome never ends. A rejected write replaces nothing.
 *
 * A replacing write must itself be in the final read, or be replaced in turn. A chain of replacements that does not end
 * in the final read has lost its last write. A `delete` is a write without a value: a chain may end in it, and the
 * values that it replaced must not come back.
 */
import { HistoryError, type HistoryEvent, type Json } from '../history/history.ts'
import { finalReads, identityOf, valuesOf, type FinalRead } from '../history/final-reads.ts'
import { operationsOf, type Operation } from '../history/operation.ts'
import { verdictOf, type Evidence, type Model, type Verdict } from '../verdict/verdict.ts'
import { lifeOf, nameOf, nodesOf, readWords, timesOf, unread } from '../verdict/wording.ts'

export const siblingsModel: Model = {
  name: 'siblings',
  promise:
    'an acknowledged write stays until a later write replaces it, no replaced or deleted value comes back, and all nodes agree at the end',
  check: checkSiblings,
}

/** The value of a `write` event: `{"write": 17, "saw": [3, 5]}`; without `saw` the write is blind. */
interface Write {
  readonly id: string
  readonly key: string
  /** Identities of the values that its client had read; undefined for a blind write. */
  readonly saw: readonly string[] | undefined
  readonly operation: Operation
}

/** A final read that was answered, with its values as identities. */
interface Ending {
  readonly read: FinalRead
  readonly ids: ReadonlySet<string>
}

function checkSiblings(history: readonly HistoryEvent[]): Verdict {
  const operations = operationsOf(history)
  const writes = operations.filter(({ f }) => f === 'write' || f === 'delete').map(writeOf)
  const byKey = groupByKey(writes)
  const findings = strangeReads(operations, byKey)
  const unjudged: Evidence[] = []
  const acknowledged = writes.filter(({ operation }) => operation.outcome === 'ok')
  if (acknowledged.length === 0) {
    unjudged.push({
      kind: 'unjudged',
      key: '',
      words: 'no write was acknowledged, so there is nothing to check',
    })
  }
  const reads = finalReads(operations)
  for (const [key, own] of byKey) {
    const all = reads.get(key) ?? []
    if (all.length === 0)
      unjudged.push({
        kind: 'unjudged',
        key,
        words: `there is no final read of ${nameOf(key)}`,
      })
    for (const read of all) if (read.values === undefined) unjudged.push(unread(key, read))
    const endings = endingsOf(all)
    findings.push(
      ...lostWrites(key, own, endings),
      ...returned(key, own, endings),
      ...divergence(key, endings),
    )
  }
  return verdictOf('siblings', {
    findings,
    unjudged,
    stats: {
      attempts: writes.length,
      acknowledged: acknowledged.length,
      rejected: writes.filter(({ operation }) => operation.outcome === 'fail').length,
      unknown: writes.filter(({ operation }) => operation.outcome === 'info').length,
      blind: writes.filter(({ saw }) => saw === undefined).length,
      reads: operations.filter(({ f, outcome }) => f === 'read' && outcome === 'ok').length,
      ...countFindings(findings),
    },
    valid: `every final read contains each of the ${acknowledged.length} acknowledged writes (${writes.length} were attempted) or a write that replaced it, and all nodes agree`,
  })
}

function writeOf(operation: Operation): Write {
  const { input } = operation
  const bad = new HistoryError(
    0,
    `event ${operation.firstIndex}: a write's value must be {"write": unique, "saw": [unique, …]}; a blind write has no "saw"`,
  )
  if (!isMap(input) || input['write'] === undefined) throw bad
  const saw = input['saw']
  if (saw !== undefined && saw !== null && !isList(saw)) throw bad
  return {
    id: identityOf(input['write']),
    key: operation.key ?? '',
    saw: saw === undefined || saw === null ? undefined : saw.map(identityOf),
    operation,
  }
}

/** A delete leaves no value. Only the missing values show whether it was applied. */
function isDelete({ operation }: Write): boolean {
  return operation.f === 'delete'
}

function groupByKey(writes: readonly Write[]): Map<string, Map<string, Write>> {
  const byKey = new Map<string, Map<string, Write>>()
  for (const write of writes) {
    const own = byKey.get(write.key) ?? new Map<string, Write>()
    byKey.set(write.key, own)
    if (own.has(write.id)) {
      throw new HistoryError(
        0,
        `event ${write.operation.firstIndex}: the value ${write.id} was already written; each written value must be unique`,
      )
    }
    own.set(write.id, write)
  }
  return byKey
}

/** Finds values that no read may ever return: never written, written only later, or rejected. */
function strangeReads(
  operations: readonly Operation[],
  byKey: ReadonlyMap<string, Map<string, Write>>,
): Evidence[] {
  const findings = new Map<string, Evidence>()
  for (const read of operations) {
    if (read.f !== 'read' || read.outcome !== 'ok') continue
    const key = read.key ?? ''
    for (const id of valuesOf(read).map(identityOf)) {
      const write = byKey.get(key)?.get(id)?.operation
      const where = readWords(read, id)
      if (write === undefined) {
        findings.set(id, {
          kind: 'invented',
          key,
          words: `${where}, but nobody wrote ${id} to ${nameOf(key)}`,
        })
      } else if (write.firstIndex > read.lastIndex) {
        findings.set(id, {
          kind: 'invented',
          key,
          words: `${where}, but ${id} was only later ${lifeOf(write)}`,
        })
      } else if (write.outcome === 'fail' && !findings.has(id)) {
        findings.set(id, {
          kind: 'rejected but applied',
          key,
          words: `${where}, but ${id} was ${lifeOf(write)}`,
        })
      }
    }
  }
  return [...findings.values()]
}

function endingsOf(reads: readonly FinalRead[]): Ending[] {
  const endings: Ending[] = []
  for (const read of reads) {
    if (read.values !== undefined) endings.push({ read, ids: new Set(read.values.map(identityOf)) })
  }
  return endings
}

function lostWrites(
  key: string,
  own: ReadonlyMap<string, Write>,
  endings: readonly Ending[],
): Evidence[] {
  const endingsWithout = new Map<Write, Ending[]>()
  for (const ending of endings) {
    const accounted = accountedFor(own, ending.ids)
    for (const write of own.values()) {
      if (write.operation.outcome !== 'ok' || isDelete(write) || accounted.has(write)) continue
      endingsWithout.set(write, [...(endingsWithout.get(write) ?? []), ending])
    }
  }
  return [...endingsWithout].map(([write, without]) => {
    const reads = without.map(({ read }) => read)
    const ids = [...(without[0] as Ending).ids].join(', ')
    const how = write.saw === undefined ? ' (a write without a context)' : ''
    return {
      kind: 'lost',
      key,
      words: `value ${write.id} of ${nameOf(key)} was ${lifeOf(write.operation)}${how}, but the final read through ${nodesOf(reads)} at ${timesOf(reads)} returned ${ids === '' ? 'no value' : `only [${ids}]`}, and no remaining value has replaced it`,
    }
  })
}

/**
 * The writes in a final read, and all writes that these may have replaced, directly or in a chain: a least fixed point.
 */
function accountedFor(own: ReadonlyMap<string, Write>, ids: ReadonlySet<string>): Set<Write> {
  const accounted = new Set<Write>()
  const pending: Write[] = []
  const account = (write: Write | undefined): void => {
    if (write === undefined || accounted.has(write)) return
    accounted.add(write)
    pending.push(write)
  }
  for (const id of ids) account(own.get(id))
  for (const write of own.values()) if (isDelete(write)) account(write)
  let horizon = -1
  for (let write = pending.pop(); write !== undefined; write = pending.pop()) {
    if (write.operation.outcome === 'fail') continue
    for (const id of write.saw ?? []) account(own.get(id))
    if (write.saw !== undefined || write.operation.completedAt <= horizon) continue
    horizon = write.operation.completedAt
    for (const other of own.values()) if (other.operation.invokedAt <= horizon) account(other)
  }
  return accounted
}

/** Finds values in a final read that an acknowledged write, or a write in the same final read, had replaced. */
function returned(
  key: string,
  own: ReadonlyMap<string, Write>,
  endings: readonly Ending[],
): Evidence[] {
  const findings = new Map<string, Evidence>()
  for (const write of own.values()) {
    for (const id of write.saw ?? []) {
      const wrong = endings.filter(({ ids }) => {
        const applied =
          write.operation.outcome === 'ok' ||
          (write.operation.outcome === 'info' && ids.has(write.id))
        return ids.has(id) && applied
      })
      if (wrong.length === 0 || findings.has(id)) continue
      const reads = wrong.map(({ read }) => read)
      findings.set(id, {
        kind: 'resurrected',
        key,
        words: `value ${id} of ${nameOf(key)} was ${isDelete(write) ? '' : `replaced by ${write.id}, which was `}${lifeOf(write.operation)}, but the final read through ${nodesOf(reads)} at ${timesOf(reads)} returned ${id} again`,
      })
    }
  }
  return [...findings.values()]
}

function divergence(key: string, endings: readonly Ending[]): Evidence[] {
  const groups = new Map<string, Ending[]>()
  for (const ending of endings) {
    const content = [...ending.ids].sort().join(', ')
    groups.set(content, [...(groups.get(content) ?? []), ending])
  }
  if (groups.size < 2) return []
  const views = [...groups].map(
    ([content, of]) => `${nodesOf(of.map(({ read }) => read))} returned [${content}]`,
  )
  return [
    {
      kind: 'diverged',
      key,
      words: `the nodes do not agree on ${nameOf(key)} at the end: ${views.join('; ')}`,
    },
  ]
}

function countFindings(findings: readonly Evidence[]): Record<string, number> {
  const counts: Record<string, number> = {
    lost: 0,
    invented: 0,
    rejectedButApplied: 0,
    resurrected: 0,
    diverged: 0,
  }
  for (const { kind } of findings) {
    const name = kind === 'rejected but applied' ? 'rejectedButApplied' : kind
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

function isMap(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
