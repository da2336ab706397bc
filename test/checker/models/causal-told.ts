/** Builds small histories of sessions by hand: each line is one operation, done before the next begins. */
import type { HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import type { Verdict } from '../../../src/checker/verdict/verdict.ts'

/** An operation, and when it was called and answered, in milliseconds: its place in the list where not given. */
export interface Deed {
  readonly session: number
  readonly f: 'write' | 'read' | 'delete' | 'cas'
  readonly key: string
  readonly value: Json
  readonly end: 'ok' | 'fail' | 'info'
  readonly node: string
  readonly from?: number
  readonly to?: number
}

export function wrote(session: number, key: string, value: Json, end: Deed['end'] = 'ok'): Deed {
  return { session, f: 'write', key, value, end, node: 'n1' }
}

export function deleted(session: number, key: string, end: Deed['end'] = 'ok'): Deed {
  return { session, f: 'delete', key, value: null, end, node: 'n1' }
}

export function saw(session: number, key: string, value: Json, node = 'n1'): Deed {
  return { session, f: 'read', key, value, end: 'ok', node }
}

/** Final reads of a key, each in a session of its own. */
export function left(key: string, ...values: Json[]): Deed[] {
  return values.map((value, i) => saw(1000 + i, key, value, `n${i + 1}`))
}

/** A session goes on as another process after an operation of unknown outcome, as clients do. */
export function historyOfDeeds(deeds: readonly Deed[]): HistoryEvent[] {
  const processes = new Map<number, number>()
  const events: { readonly at: number; readonly event: Omit<HistoryEvent, 'index' | 'time'> }[] = []
  for (const [i, deed] of deeds.entries()) {
    const { session, f, key, value, end, node, from = 2 * i, to = 2 * i + 1 } = deed
    const process = processes.get(session) ?? session
    if (end === 'info') processes.set(session, process + 10_000)
    const common = { process, f, key, node, session }
    const asked = f === 'read' ? null : value
    const answer = end === 'ok' ? value : asked
    events.push({ at: from, event: { ...common, type: 'invoke', value: asked } })
    events.push({ at: to, event: { ...common, type: end, value: answer } })
  }
  return events
    .sort((a, b) => a.at - b.at)
    .map(({ at, event }, index) => ({ ...event, index, time: at * 1_000_000 }))
}

/** What kinds of breaches a verdict counts. */
export function kindsIn({ stats }: Verdict): Record<string, number> {
  const measures = new Set(['operations', 'keys', 'sessions', 'ok', 'rejected', 'unknown'])
  return Object.fromEntries(
    Object.entries(stats).filter(([name, count]) => !measures.has(name) && count > 0),
  )
}
