/**
 * The faults of a run, and the outcomes of requests during each. It uses the history alone, so it shows what happened,
 * not what was planned.
 */
import { NEMESIS, type HistoryEvent } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'

/** Times are nanoseconds since the start of the run. */
export interface Fault {
  /** The command of the fault: `partition n1,n2/n3,n4,n5`. */
  readonly what: string
  /** When injecting it began, and when its effect had been probed. Equal if the history has only one of them. */
  readonly startAt: number
  readonly startedAt: number
  /** When healing it began, and when it was healed; undefined if the history ends before. */
  readonly healAt: number | undefined
  readonly healedAt: number | undefined
}

export interface FaultRow extends Fault {
  /** The outcomes of the operations invoked between its start and its end. */
  readonly ok: number
  readonly rejected: number
  readonly unknown: number
  readonly recovery: Recovery
}

export type Recovery =
  /** Every node kept answering: nothing was rejected or left unknown during the fault. */
  | { readonly type: 'no outage' }
  /** From `afterNs` after its start, nothing more was rejected or left unknown, and every node answered. */
  | { readonly type: 'during'; readonly afterNs: number }
  /**
   * `afterNs` after the heal every node had answered ok again. `isFirstAsk`: the last node to answer had not been asked
   * any earlier, so it may have recovered before.
   */
  | { readonly type: 'after heal'; readonly afterNs: number; readonly isFirstAsk: boolean }
  /**
   * These nodes did not answer ok before the next fault, or the end of the run. `nextAfterNs` is the time from the heal
   * to the next fault; undefined if there was no next fault, or no heal.
   */
  | {
      readonly type: 'not seen'
      readonly nodes: readonly string[]
      readonly nextAfterNs: number | undefined
    }

export const RECOVERY_MEANING =
  'Time to recover: the time from the heal until every node has answered ok to a request that was sent after the heal. ' +
  'If all nodes served clients again while the fault lasted, it is the time from the start of the fault to the last request ' +
  'that was rejected or had an unknown outcome. “No outage” means that there was no such request.'

/** The faults in the order of their starts. */
export function faultsOf(history: readonly HistoryEvent[]): Fault[] {
  const faults: { -readonly [field in keyof Fault]: Fault[field] }[] = []
  for (const { process, f, value, time } of history) {
    if (process !== NEMESIS) continue
    const what = typeof value === 'string' ? value : JSON.stringify(value)
    if (f === 'start' || f === 'change') {
      faults.push({ what, startAt: time, startedAt: time, healAt: undefined, healedAt: undefined })
      continue
    }
    const fault = faults.findLast((each) => each.what === what && each.healedAt === undefined)
    if (fault === undefined) continue
    if (f === 'started') fault.startedAt = time
    else if (f === 'heal') fault.healAt = time
    else if (f === 'healed') fault.healedAt = time
    else if (f === 'changed') fault.healAt = fault.healedAt = time
  }
  return faults
}

export function faultRows(
  history: readonly HistoryEvent[],
  operations: readonly Operation[],
): FaultRow[] {
  const faults = faultsOf(history)
  const nodes = nodesOf(operations)
  return faults.map((fault, i) => {
    const until = fault.healedAt ?? Infinity
    const during = operations.filter(
      ({ invokedAt }) => invokedAt >= fault.startAt && invokedAt <= until,
    )
    const count = (outcome: Operation['outcome']): number =>
      during.filter((operation) => operation.outcome === outcome).length
    return {
      ...fault,
      ok: count('ok'),
      rejected: count('fail'),
      unknown: count('info'),
      recovery: recoveryOf(fault, {
        during,
        operations,
        nodes,
        nextAt: faults[i + 1]?.startAt ?? Infinity,
      }),
    }
  })
}

/** The faults that may have an effect at a time. */
export function faultsAt(faults: readonly Fault[], time: number): Fault[] {
  return faults.filter(
    ({ startAt, healedAt }) => startAt <= time && (healedAt === undefined || time < healedAt),
  )
}

/** The nodes that were asked, in natural order: n2 before n10. */
export function nodesOf(operations: readonly Operation[]): string[] {
  const names = new Set(operations.map(({ node }) => node))
  return [...names].filter((name) => name !== undefined).sort(byName)
}

export function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

function recoveryOf(
  fault: Fault,
  of: {
    readonly during: readonly Operation[]
    readonly operations: readonly Operation[]
    readonly nodes: readonly string[]
    readonly nextAt: number
  },
): Recovery {
  const { during, operations, nodes, nextAt } = of
  const bad = during.filter(({ outcome }) => outcome !== 'ok')
  const lastBadAt = bad.reduce((last, { invokedAt }) => Math.max(last, invokedAt), fault.startAt)
  const servedFrom = Math.max(lastBadAt, fault.startedAt)
  const served = firstAnswers(during, servedFrom, fault.healAt ?? Infinity)
  if (nodes.length > 0 && nodes.every((node) => served.has(node))) {
    return bad.length === 0
      ? { type: 'no outage' }
      : { type: 'during', afterNs: lastBadAt - fault.startAt }
  }
  const { healedAt } = fault
  if (healedAt === undefined) {
    return {
      type: 'not seen',
      nodes: nodes.filter((node) => !served.has(node)),
      nextAfterNs: undefined,
    }
  }
  const answers = firstAnswers(operations, healedAt, nextAt)
  const silent = nodes.filter((node) => !answers.has(node))
  const last = [...answers].sort(([, a], [, b]) => b.completedAt - a.completedAt)[0]
  if (silent.length > 0 || last === undefined) {
    const nextAfterNs = Number.isFinite(nextAt) ? Math.max(0, nextAt - healedAt) : undefined
    return { type: 'not seen', nodes: silent, nextAfterNs }
  }
  const [node, answer] = last
  return {
    type: 'after heal',
    afterNs: answer.completedAt - healedAt,
    isFirstAsk: !operations.some(
      (each) =>
        each.node === node && each.invokedAt >= healedAt && each.invokedAt < answer.invokedAt,
    ),
  }
}

/** For each node the first operation that was invoked after `from` and answered ok before `until`. */
function firstAnswers(
  operations: readonly Operation[],
  from: number,
  until: number,
): Map<string, Operation> {
  const first = new Map<string, Operation>()
  for (const operation of operations) {
    const { node, outcome, invokedAt, completedAt } = operation
    if (node === undefined || outcome !== 'ok' || invokedAt < from || completedAt > until) continue
    if (completedAt < (first.get(node)?.completedAt ?? Infinity)) first.set(node, operation)
  }
  return first
}
