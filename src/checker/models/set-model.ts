/**
 * The model `set`: clients add elements, each once, and read the set in the end. Promise: an acknowledged element is in
 * every final read. A rejected element, or one that nobody added, is in none. An element of unknown outcome may be
 * there or not. (This is Jepsen's set test, plus "rejected means never applied".)
 */
import type { HistoryEvent, Json } from '../history/history.ts'
import { finalReads, identityOf, type FinalRead } from '../history/final-reads.ts'
import { expectOnly, operationsOf, type Operation } from '../history/operation.ts'
import { verdictOf, type Evidence, type Model, type Verdict } from '../verdict/verdict.ts'
import { lifeOf, nameOf, nodesOf, timesOf, unread } from '../verdict/wording.ts'

export const setModel: Model = {
  name: 'set',
  promise:
    'the final reads contain every acknowledged element, and no element that was rejected or never added',
  check: checkSet,
}

/** All attempts to add one element to one key. Histories of other systems may try the same element again. */
interface Element {
  readonly value: Json
  readonly key: string
  readonly attempts: Operation[]
}

interface Tally {
  readonly findings: Evidence[]
  readonly unjudged: Evidence[]
  recovered: number
  lost: number
  unexpected: number
  rejectedButApplied: number
}

function checkSet(history: readonly HistoryEvent[]): Verdict {
  const operations = operationsOf(history)
  expectOnly(operations, 'add', 'read')
  const adds = operations.filter(({ f }) => f === 'add')
  const elements = elementsOf(adds)
  const reads = finalReads(operations)
  const tally: Tally = {
    findings: [],
    unjudged: [],
    recovered: 0,
    lost: 0,
    unexpected: 0,
    rejectedButApplied: 0,
  }
  if (adds.every(({ outcome }) => outcome !== 'ok')) {
    tally.unjudged.push({
      kind: 'unjudged',
      key: '',
      words: 'no add was acknowledged, so there is nothing to check',
    })
  }
  const keys = new Set([...reads.keys(), ...[...elements.values()].map(({ key }) => key)])
  for (const key of keys) {
    judgeKey(
      key,
      [...elements.values()].filter((element) => element.key === key),
      reads.get(key) ?? [],
      tally,
    )
  }
  const acknowledged = adds.filter(({ outcome }) => outcome === 'ok').length
  return verdictOf('set', {
    findings: tally.findings,
    unjudged: tally.unjudged,
    stats: {
      attempts: adds.length,
      acknowledged,
      rejected: adds.filter(({ outcome }) => outcome === 'fail').length,
      unknown: adds.filter(({ outcome }) => outcome === 'info').length,
      recovered: tally.recovered,
      lost: tally.lost,
      unexpected: tally.unexpected,
      rejectedButApplied: tally.rejectedButApplied,
    },
    valid: `every final read contains all ${acknowledged} acknowledged elements (${adds.length} adds were attempted)`,
  })
}

function elementsOf(adds: readonly Operation[]): Map<string, Element> {
  const elements = new Map<string, Element>()
  for (const add of adds) {
    const key = add.key ?? ''
    const name = `${key}\n${identityOf(add.input)}`
    const element = elements.get(name) ?? {
      value: add.input,
      key,
      attempts: [],
    }
    element.attempts.push(add)
    elements.set(name, element)
  }
  return elements
}

function judgeKey(
  key: string,
  elements: readonly Element[],
  reads: readonly FinalRead[],
  tally: Tally,
): void {
  const done = reads.filter(({ values }) => values !== undefined)
  const sets = done.map((read) => new Set((read.values ?? []).map(identityOf)))
  for (const failed of reads.filter(({ values }) => values === undefined)) {
    tally.unjudged.push(unread(key, failed))
  }
  if (reads.length === 0) {
    tally.unjudged.push({
      kind: 'unjudged',
      key,
      words: `there is no final read of ${nameOf(key)}`,
    })
  }
  for (const element of elements) {
    const name = identityOf(element.value)
    const readsWith = done.filter((_, i) => sets[i]?.has(name))
    const readsWithout = done.filter((_, i) => !sets[i]?.has(name))
    judgeElement(element, readsWith, readsWithout, tally)
  }
  const known = new Set(elements.map(({ value }) => identityOf(value)))
  for (const neverAdded of new Set(sets.flatMap((set) => [...set]))) {
    if (known.has(neverAdded)) continue
    tally.unexpected++
    const readers = nodesOf(done.filter((_, i) => sets[i]?.has(neverAdded)))
    tally.findings.push({
      kind: 'unexpected',
      key,
      words: `nobody added element ${neverAdded} to ${nameOf(key)}, but the final read through ${readers} returned it`,
    })
  }
}

function judgeElement(
  element: Element,
  readsWith: readonly FinalRead[],
  readsWithout: readonly FinalRead[],
  tally: Tally,
): void {
  const { key, attempts } = element
  const name = `element ${identityOf(element.value)} of ${nameOf(key)}`
  const acknowledged = attempts.find(({ outcome }) => outcome === 'ok')
  if (acknowledged !== undefined) {
    if (readsWithout.length === 0) return
    tally.lost++
    const but =
      readsWith.length > 0
        ? `, although the final read through ${nodesOf(readsWith)} contains it`
        : ''
    tally.findings.push({
      kind: 'lost',
      key,
      words: `${name} was ${lifeOf(acknowledged)}, but is missing from the final read through ${nodesOf(readsWithout)} at ${timesOf(readsWithout)}${but}`,
    })
    return
  }
  if (readsWith.length === 0) return
  if (attempts.some(({ outcome }) => outcome === 'info')) {
    tally.recovered++
    return
  }
  tally.rejectedButApplied++
  tally.findings.push({
    kind: 'rejected but applied',
    key,
    words: `${name} was ${lifeOf(attempts[0] as Operation)}, but the final read through ${nodesOf(readsWith)} returned it`,
  })
}
