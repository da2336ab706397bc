/**
 * The model `counter`: clients add whole numbers, positive or negative, and in the end read the sum. Promise: each
 * final read is the sum of all acknowledged adds and of some adds of unknown outcome. No add counts twice, no rejected
 * add counts, and all nodes agree. At every level, an earlier read lies between the sum of all negative adds and the
 * sum of all positive adds that had begun by then.
 */
import { finalReads, type FinalRead } from '../history/final-reads.ts'
import { HistoryError, type HistoryEvent, type Json } from '../history/history.ts'
import { expectOnly, operationsOf, type Operation } from '../history/operation.ts'
import { verdictOf, type Evidence, type Model, type Verdict } from '../verdict/verdict.ts'
import { nameOf, nodesOf, readWords, timesOf, unread } from '../verdict/wording.ts'

export const counterModel: Model = {
  name: 'counter',
  promise:
    'a counter is the sum of all acknowledged adds; an add of unknown outcome counts once or not at all',
  check: checkCounter,
}

/** The most different sums that are tracked. Beyond this, nobody can say whether a sum is possible. */
const SUMS_MAX = 200_000

function checkCounter(history: readonly HistoryEvent[]): Verdict {
  const operations = operationsOf(history)
  expectOnly(operations, 'add', 'read')
  const adds = operations.filter(({ f }) => f === 'add')
  const reads = finalReads(operations, (read) => [numberOf(read, read.output ?? 0)])
  const findings: Evidence[] = []
  const unjudged: Evidence[] = []
  const byKey = Map.groupBy(adds, ({ key }) => key ?? '')
  if (adds.every(({ outcome }) => outcome !== 'ok')) {
    const words = 'no add was acknowledged, so there is nothing to check'
    unjudged.push({ kind: 'unjudged', key: '', words })
  }
  for (const [key, own] of byKey) {
    const last = reads.get(key) ?? []
    if (last.length === 0) {
      const words = `there is no final read of ${nameOf(key)}`
      unjudged.push({ kind: 'unjudged', key, words })
    }
    for (const read of last) if (read.values === undefined) unjudged.push(unread(key, read))
    judgeFinal(key, own, last, findings, unjudged)
    const all = operations.filter((read) => read.f === 'read' && (read.key ?? '') === key)
    judgeEarlierReads(key, own, all, findings)
  }
  const count = (outcome: Operation['outcome']): number =>
    adds.filter((add) => add.outcome === outcome).length
  return verdictOf('counter', {
    findings,
    unjudged,
    stats: {
      attempts: adds.length,
      acknowledged: count('ok'),
      rejected: count('fail'),
      unknown: count('info'),
      reads: operations.filter(({ f, outcome }) => f === 'read' && outcome === 'ok').length,
      wrong: findings.length,
    },
    valid: `all final reads of ${byKey.size} counters are correct: each of the ${count('ok')} acknowledged adds counts exactly once`,
  })
}

function judgeFinal(
  key: string,
  adds: readonly Operation[],
  reads: readonly FinalRead[],
  findings: Evidence[],
  unjudged: Evidence[],
): void {
  const certain = sumOf(adds.filter(({ outcome }) => outcome === 'ok'))
  const open = adds.filter(({ outcome }) => outcome === 'info').map(deltaOf)
  const answered = reads.filter(({ values }) => values !== undefined)
  const byValue = Map.groupBy(answered, ({ values }) => (values as readonly number[])[0] as number)
  if (byValue.size > 1) {
    const views = [...byValue].map(([value, of]) => `${nodesOf(of)} returned ${value}`)
    const words = `the nodes do not agree on ${nameOf(key)} at the end: ${views.join('; ')}`
    findings.push({ kind: 'diverged', key, words })
  }
  for (const [value, of] of byValue) {
    const isPossible = isSubsetSum(open, value - certain)
    const where = `the final read of ${nameOf(key)} through ${nodesOf(of)} at ${timesOf(of)} returned ${value}`
    const unknown =
      open.length > 0
        ? `the adds of unknown outcome are ${open.join(', ')}`
        : 'no add has an unknown outcome'
    const sums = `the acknowledged adds sum to ${certain}, and ${unknown}`
    if (isPossible === 'no') {
      findings.push({ kind: 'miscounted', key, words: `${where}, but ${sums}` })
    } else if (isPossible === 'unknown') {
      unjudged.push({
        kind: 'unjudged',
        key,
        words: `${where}; ${sums}: these have too many sums to try all`,
      })
    }
  }
}

function judgeEarlierReads(
  key: string,
  adds: readonly Operation[],
  reads: readonly Operation[],
  findings: Evidence[],
): void {
  for (const read of reads) {
    if (read.outcome !== 'ok') continue
    const value = numberOf(read, read.output ?? 0)
    const begun = adds.filter(
      ({ outcome, firstIndex }) => outcome !== 'fail' && firstIndex < read.lastIndex,
    )
    const least = sumOf(begun.filter((add) => deltaOf(add) < 0))
    const most = sumOf(begun.filter((add) => deltaOf(add) > 0))
    if (value >= least && value <= most) continue
    findings.push({
      kind: 'impossible',
      key,
      words: `${readWords(read, String(value))}, but the adds that had begun by then sum to at least ${least} and at most ${most}`,
    })
  }
}

/** Whether a subset of the numbers has the sum. */
function isSubsetSum(numbers: readonly number[], sum: number): 'yes' | 'no' | 'unknown' {
  let sums = new Set([0])
  for (const number of numbers) {
    const more = new Set(sums)
    for (const known of sums) more.add(known + number)
    sums = more
    if (sums.size > SUMS_MAX) return 'unknown'
  }
  return sums.has(sum) ? 'yes' : 'no'
}

function sumOf(adds: readonly Operation[]): number {
  return adds.reduce((sum, add) => sum + deltaOf(add), 0)
}

function deltaOf(add: Operation): number {
  return numberOf(add, add.input)
}

function numberOf({ firstIndex, f }: Operation, value: Json): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new HistoryError(0, `event ${firstIndex}: the value of ${f} must be a whole number`)
}
