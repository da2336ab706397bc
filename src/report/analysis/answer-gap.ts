/**
 * How long a node left its clients without any answer: the pause that a failover would be seen by. Computed from the
 * history alone.
 *
 * An answer is what ended `ok`, or found that a condition does not hold. A rejection for want of a quorum, an error or
 * an unknown outcome is none: a node that only refuses does not serve. A gap begins with the last answer, or, where
 * nobody waited then, with the next request; so the time in which nobody asks is no gap, however low the rate is. It
 * ends with the next answer, or with the last request that ended without one.
 *
 * A node does not count while a fault is made of it (killed, restarted, paused, its clock set) or cuts it off
 * from a majority, nor for a while after; nor what was asked meanwhile. Neither do the final reads.
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
  /** The faults that lasted at any time of it, as their commands name them. */
  readonly faults: readonly string[]
}

/** A node that is back connects to the others, and they to it. */
const RETURN_NS = 2_000_000_000

export const GAP_MEANING =
  'The longest time in which a node was asked and answered nothing, neither ok nor that a condition does not hold. ' +
  'Nodes that a fault was made of, or that it cut off from a majority, do not count while it lasts and for 2 s after.'

const OF_ONE_NODE: ReadonlySet<string> = new Set([
  'kill',
  'restart',
  'pause',
  'skew',
  'isolate',
  'bitflip',
  'truncate',
])

/** Of all nodes; undefined where no node is named, or none that counts was asked. */
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

/** "n2 answered nothing for 412 ms, from 12.300 s to 12.712 s, during kill n4". */
export function gapText({ node, from, to, faults }: AnswerGap): string {
  const during = faults.length === 0 ? 'while no fault was on' : `during ${faults.join(' and ')}`
  return `${node} answered nothing for ${Math.round((to - from) / 1e6)} ms, from ${seconds(from)} to ${seconds(to)}, ${during}`
}

interface Span {
  readonly from: number
  readonly to: number
}

/** `asked` of one node, in the order of their invocation. */
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
    // What ends while the node is away has been given up when it went.
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

/** Where those begin that were asked once the last change was over; the number of all where nothing changes anything. */
function finalReadsFrom(operations: readonly Operation[]): number {
  const lastChange = operations.findLast(({ f }) => f !== 'read')?.lastIndex
  if (lastChange === undefined) return operations.length
  const first = operations.findIndex(({ firstIndex }) => firstIndex > lastChange)
  return first < 0 ? operations.length : first
}

/** By the index of the event, because to an operation an unknown outcome never ends. */
function endTimes(history: readonly HistoryEvent[]): Map<number, number> {
  const times = new Map<number, number>()
  for (const { index, process, type, time } of history)
    if (process !== NEMESIS && type !== 'invoke') times.set(index, time)
  return times
}

/** Whom a fault keeps from serving: the node it is made of, or all on a side without a majority. */
function victimsOf(what: string): readonly string[] {
  const [kind = '', groups = ''] = what.split(' ')
  if (OF_ONE_NODE.has(kind)) return [groups]
  // Who comes or goes by a change of the members serves nobody for a part of it.
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
