/** Histories that random ones hardly ever contain. */
import type { EventType, HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import { historyOf } from '../recorded.ts'

interface Deed {
  readonly session: number
  readonly f: string
  readonly key: string
  readonly value: Json
  readonly end?: EventType
}

/** Each operation alone in time. A session continues as another process after an unknown outcome. */
function inTurn(...deeds: readonly Deed[]): HistoryEvent[] {
  return historyOf(
    deeds.flatMap(({ session, f, key, value, end = 'ok' }, place) => {
      const common = { process: place, session, f, key, node: 'n1' }
      const asked = f === 'read' ? null : value
      return [
        { ...common, type: 'invoke' as const, value: asked },
        { ...common, type: end, value },
      ]
    }),
  )
}

/** Sequential, and not linearizable, so that the weaker levels must be decided. */
const STALE_READ = [
  { session: 8, f: 'write', key: 'other', value: 5 },
  { session: 9, f: 'read', key: 'other', value: null },
  { session: 9, f: 'read', key: 'other', value: 5 },
] as const

export const HARD_HISTORIES: readonly HistoryEvent[][] = [
  // The write of unknown outcome takes effect after the next operation of its session.
  inTurn(
    ...STALE_READ,
    { session: 0, f: 'read', key: 'x', value: null },
    { session: 0, f: 'write', key: 'x', value: 1, end: 'info' },
    { session: 0, f: 'read', key: 'x', value: null },
    { session: 1, f: 'read', key: 'x', value: 1 },
  ),
  // The compare-and-set of unknown outcome cannot have happened.
  inTurn(
    ...STALE_READ,
    { session: 0, f: 'write', key: 'x', value: 1 },
    { session: 0, f: 'write', key: 'x', value: 2 },
    { session: 1, f: 'read', key: 'x', value: 2 },
    { session: 1, f: 'cas', key: 'x', value: [1, 9], end: 'info' },
  ),
  // Two compare-and-sets replaced one value. The outcome of one is unknown, but a client has read its value.
  inTurn(
    ...STALE_READ,
    { session: 0, f: 'write', key: 'x', value: 1 },
    { session: 1, f: 'cas', key: 'x', value: [1, 5], end: 'info' },
    { session: 2, f: 'read', key: 'x', value: 5 },
    { session: 0, f: 'cas', key: 'x', value: [1, 6] },
  ),
  // Each of the siblings is older than the write that the client misses.
  inTurn(
    { session: 0, f: 'write', key: 'x', value: 1 },
    { session: 1, f: 'read', key: 'x', value: 1 },
    { session: 0, f: 'write', key: 'x', value: 2 },
    { session: 0, f: 'write', key: 'x', value: 3 },
    { session: 0, f: 'read', key: 'x', value: [1, 2] },
  ),
  // The final read may have seen the write of unknown outcome, which may have been late.
  inTurn(
    ...STALE_READ,
    { session: 0, f: 'write', key: 'x', value: 1 },
    { session: 1, f: 'write', key: 'x', value: 1, end: 'info' },
    { session: 2, f: 'write', key: 'x', value: 2 },
    { session: 3, f: 'read', key: 'x', value: 1 },
  ),
]
