/**
 * Tells what went wrong as a sequence of steps that a person can follow: the operations that a piece of evidence names,
 * in the order of their invocation, and the faults that began or ended between them.
 */
import { finalReads } from '../../checker/history/final-reads.ts'
import type { HistoryEvent, Json } from '../../checker/history/history.ts'
import { operationsOf, type Operation } from '../../checker/history/operation.ts'
import type { Evidence, Verdict } from '../../checker/verdict/verdict.ts'
import { lifeOf } from '../../checker/verdict/wording.ts'
import { faultsAt, faultsOf, type Fault } from './fault-table.ts'
import { circumstanceOf, reasonOf } from './reason.ts'
import { staleProof } from './stale-proof.ts'

export interface Story {
  readonly evidence: Evidence
  /** The faults that were on at the first step. */
  readonly already: readonly Fault[]
  readonly steps: readonly Step[]
  /** Why the steps are wrong; undefined if the words of the evidence say it. */
  readonly reason: string | undefined
  /** How the faults relate to the steps; undefined if there is nothing to add. */
  readonly circumstance: string | undefined
}

export type Step =
  | {
      readonly type: 'operation'
      /** Counts from 1; the lanes show the number beside the operation. */
      readonly number: number
      readonly operation: Operation
      /** Whether this answer left no possible order. It is the last answer of the story. */
      readonly isDeadEnd: boolean
    }
  | {
      readonly type: 'fault'
      readonly what: string
      readonly change: 'begins' | 'ends'
      readonly at: number
    }
  /** Stands for so many left-out beginnings and ends of faults. */
  | { readonly type: 'gap'; readonly count: number }

/** A longer sequence of faults without an operation between them shows only so many at each end. */
const FAULTS_IN_A_ROW_MAX = 8
const FAULTS_AT_AN_END = 3

/** One story for each piece of evidence, in the same order. */
export function storiesOf(verdict: Verdict, history: readonly HistoryEvent[]): Story[] {
  const operations = operationsOf(history)
  const faults = faultsOf(history)
  return verdict.evidence.map((evidence) => storyOf(evidence, operations, faults))
}

/**
 * The operations of a piece of evidence. If it does not list them, they are the operations on its key that its words
 * describe, and the final reads.
 */
export function operationsNamed(
  evidence: Evidence,
  operations: readonly Operation[],
): readonly Operation[] {
  if (evidence.operations !== undefined) {
    const listed = new Set(evidence.operations)
    const named = operations.filter(({ firstIndex }) => listed.has(firstIndex))
    const [only] = named
    return named.length === 1 && only !== undefined ? withProof(evidence, only, operations) : named
  }
  const own = operations.filter(({ key }) => (key ?? '') === evidence.key)
  const told = own.filter(
    (operation) => operation.f !== 'read' && evidence.words.includes(lifeOf(operation)),
  )
  const seen = new Set(
    (finalReads(operations, anyValue).get(evidence.key) ?? []).map(({ node, at }) =>
      placeOf(node, at),
    ),
  )
  if (told.length === 0 || seen.size === 0) return told
  return [...told, ...own.filter((operation) => isAmong(seen, operation))]
}

/** A single answer does not show why it is wrong. Adds the operations that it contradicts, if a simple proof exists. */
function withProof(
  { kind }: Evidence,
  read: Operation,
  operations: readonly Operation[],
): readonly Operation[] {
  const proof = kind === 'not linearizable' ? staleProof(read, ownOf(read, operations)) : undefined
  if (proof === undefined) return [read]
  const { writer, newer, witness } = proof
  const told = new Set([writer, newer, witness, read])
  return operations.filter((operation) => told.has(operation))
}

function ownOf({ key }: Operation, operations: readonly Operation[]): readonly Operation[] {
  return operations.filter((operation) => operation.key === key)
}

/**
 * For evidence that no order exists, the answer that left no order. It is never the answer of a blind write, because a
 * blind write could always come last.
 */
export function deadEndOf(evidence: Evidence, named: readonly Operation[]): Operation | undefined {
  if (evidence.kind !== 'not linearizable') return undefined
  let last: Operation | undefined
  for (const operation of named) {
    if (!Number.isFinite(operation.completedAt) || BLIND.has(operation.f)) continue
    if (last === undefined || operation.completedAt > last.completedAt) last = operation
  }
  return last
}

const BLIND: ReadonlySet<string> = new Set(['write', 'put', 'append', 'delete'])

function storyOf(
  evidence: Evidence,
  operations: readonly Operation[],
  faults: readonly Fault[],
): Story {
  const named = operationsNamed(evidence, operations)
  const deadEnd = deadEndOf(evidence, named)
  const from = named[0]?.invokedAt ?? 0
  const to = named.at(-1)?.invokedAt ?? 0
  const timed: { readonly at: number; readonly step: Step }[] = named.map((operation, i) => ({
    at: operation.invokedAt,
    step: {
      type: 'operation',
      number: i + 1,
      operation,
      isDeadEnd: operation === deadEnd,
    },
  }))
  for (const { what, startAt, healedAt } of faults) {
    for (const [change, at] of [
      ['begins', startAt],
      ['ends', healedAt],
    ] as const) {
      if (at !== undefined && at > from && at < to) {
        timed.push({ at, step: { type: 'fault', what, change, at } })
      }
    }
  }
  const proof =
    deadEnd === undefined ? undefined : staleProof(deadEnd, ownOf(deadEnd, operations), named)
  return {
    evidence,
    reason: reasonOf(evidence.kind, named, proof),
    circumstance: circumstanceOf(named, faults),
    already: named.length === 0 ? [] : faultsAt(faults, from),
    steps: withGaps(timed.sort((a, b) => a.at - b.at).map(({ step }) => step)),
  }
}

function withGaps(steps: readonly Step[]): Step[] {
  const told: Step[] = []
  let faults: Step[] = []
  const tellFaults = (): void => {
    if (faults.length > FAULTS_IN_A_ROW_MAX) {
      const count = faults.length - 2 * FAULTS_AT_AN_END
      told.push(...faults.slice(0, FAULTS_AT_AN_END), { type: 'gap', count })
      faults = faults.slice(-FAULTS_AT_AN_END)
    }
    told.push(...faults)
    faults = []
  }
  for (const step of steps) {
    if (step.type === 'operation') tellFaults()
    if (step.type === 'fault') faults.push(step)
    else told.push(step)
  }
  tellFaults()
  return told
}

function anyValue({ output }: Operation): readonly Json[] {
  return [output]
}

function isAmong(places: ReadonlySet<string>, operation: Operation): boolean {
  const { f, node, invokedAt, completedAt } = operation
  if (f !== 'read') return false
  return places.has(placeOf(node, Number.isFinite(completedAt) ? completedAt : invokedAt))
}

function placeOf(node: string | undefined, at: number): string {
  return `${node ?? ''} ${at}`
}
