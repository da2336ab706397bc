/**
 * Finds the longest time in which a node gave its clients no answer, as a failover would cause it. It uses the history
 * alone.
 *
 * An operation that ended `ok` is an answer, and so is a failed condition. A rejection, an error or an unknown outcome
 * is not, because a node that only refuses does not serve. A gap begins with the last answer, or, if no client waited
 * then, with the next request. So a time without requests is no gap, even at a low rate. A gap ends with the next
 * answer, or with the last request that ended without one.
 *
 * A node does not count while a fault hits it (killed, restarted, paused, its clock set) or cuts it off from a
 * majority, nor for a while after, nor do requests of that time. Final reads do not count either.
 */
import { MISMATCH } from '../../checker/history/history.ts'
import { NEMESIS, seconds, type HistoryEvent } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'
import { faultsOf, nodesOf, type Fault } from './fault-table.ts'

/** Times are nanoseconds since the start of the run. */
export interface AnswerGap {
  readonly node: string
  readonly from: number
  readonly to: number
  /** The commands of the faults that overlapped the gap. */
  readonly faults: readonly string[]
}

/** How long a node that is back may take to connect to the others. */
const RETURN_NS = 2_000_000_000

export const GAP_MEANING =
  'The longest time for which a node gave no answer although clients asked it. A failed condition counts as an answer, a rejection does not. ' +
  'A node does not count while a fault hits it or cuts it off from a majority, nor for 2 s afterwards.'

const OF_ONE_NODE: ReadonlySet<string> = new Set([
  'kill',
  'restart',
  'pause',
  'skew',
  'isolate',
  'bitflip',
  'truncate',
])

/** The longest gap of all nodes; undefined if the history names no nodes, or no node that counts was asked. */
export function longestGap(
  history: readonly HistoryEvent[],
  operations: readonly Operation[],
): AnswerGap | undefined {
  const faults = faultsOf(history)
  const working = operations.slice(0, finalReadsFrom(operations))
  const endedAt = endTimes(history)
  let longest: AnswerGap | undefined
  for (const node of nodesOf(operations)) {
    const away = faults
      .filter(({ what }) => victimsOf(what).includes(node))
      .map(({ startAt, healedAt = Infinity }) => ({ from: startAt, to: healedAt + RETURN_NS }))
    const asked = working.filter((operation) => operation.node === node)
    for (const { from, to } of gapsOf(asked, endedAt, away)) {
      if (longest !== undefined && to - from <= longest.to - longest.from) continue
      longest = { node, from, to, faults: namesDuring(faults, from, to) }
    }
  }
  return longest
}

/** "n2 gave no answer for 412 ms, from 12.300 s to 12.712 s, during kill n4". */
export function gapText({ node, from, to, faults }: AnswerGap): string {
  const during = faults.length === 0 ? 'with no fault active' : `during ${faults.join(' and ')}`
  return `${node} gave no answer for ${Math.round((to - from) / 1e6)} ms, from ${seconds(from)} to ${seconds(to)}, ${during}`
}

interface Span {
  readonly from: number
  readonly to: number
}

/** `asked` holds the operations of one node, in the order of their invocation. */
function* gapsOf(
  asked: readonly Operation[],
  endedAt: ReadonlyMap<number, number>,
  away: readonly Span[],
): Generator<Span> {
  const isAway = (time: number): boolean => away.some(({ from, to }) => from <= time && time < to)
  type Moment = { readonly at: number; readonly change: 'asked' | 'answered' | 'ended' | 'away' }
  const moments: Moment[] = away.map(({ from }) => ({ at: from, change: 'away' }))
  for (const operation of asked) {
    const { invokedAt, lastIndex } = operation
    if (isAway(invokedAt)) continue
    moments.push({ at: invokedAt, change: 'asked' })
    const at = endedAt.get(lastIndex)
    // An operation that ends while the node is away ended for the gap when the node went away.
    if (at === undefined || away.some(({ from }) => invokedAt < from && from <= at)) continue
    moments.push({ at, change: isAnswer(operation) ? 'answered' : 'ended' })
  }
  let waiting = 0
  let from: number | undefined
  for (const { at, change } of moments.sort((a, b) => a.at - b.at)) {
    if (change === 'asked') {
      waiting++
      from ??= at
      continue
    }
    if (from !== undefined) yield { from, to: at }
    if (change === 'away') waiting = 0
    else waiting--
    if (change === 'answered') from = waiting > 0 ? at : undefined
    else if (change === 'away') from = undefined
  }
}

function isAnswer({ outcome, error }: Operation): boolean {
  return outcome === 'ok' || (outcome === 'fail' && error === MISMATCH)
}

/** The index of the first operation invoked after the last change; the number of operations if there is no change. */
function finalReadsFrom(operations: readonly Operation[]): number {
  const lastChange = operations.findLast(({ f }) => f !== 'read')?.lastIndex
  if (lastChange === undefined) return operations.length
  const first = operations.findIndex(({ firstIndex }) => firstIndex > lastChange)
  return first < 0 ? operations.length : first
}

/** The times of all ends, by event index. An operation with an unknown outcome has no end time of its own. */
function endTimes(history: readonly HistoryEvent[]): Map<number, number> {
  const times = new Map<number, number>()
  for (const { index, process, type, time } of history)
    if (process !== NEMESIS && type !== 'invoke') times.set(index, time)
  return times
}

/** The nodes that a fault keeps from serving: the node that it hits, or all nodes on a side without a majority. */
function victimsOf(what: string): readonly string[] {
  const [kind = '', groups = ''] = what.split(' ')
  if (OF_ONE_NODE.has(kind)) return [groups]
  // A node that joins or leaves serves no requests during a part of the change.
  if (kind === 'join' || kind === 'leave') return [groups]
  if (kind === 'replace')
    return what
      .split(' ')
      .slice(1)
      .filter((word) => word !== 'by')
  if (kind !== 'partition') return []
  const sides = groups.split('/').map((side) => side.split(','))
  const all = new Set(sides.flat())
  return sides.filter((side) => side.length * 2 <= all.size).flat()
}

function namesDuring(faults: readonly Fault[], from: number, to: number): string[] {
  return faults
    .filter(({ startAt, healedAt = Infinity }) => startAt <= to && healedAt > from)
    .map(({ what }) => what)
}
