/**
 * Generates histories of correct registers under concurrent clients from a seed: each operation takes effect at one
 * moment between its invocation and its return.
 */
import { type HistoryEvent, type Json, MISMATCH } from '../checker/history/history.ts'
import type { SeededRandom } from '../random/seeded-random.ts'

export interface HistoryPlan {
  readonly operations: number
  readonly keys: number
  readonly processes: number
  /** The number of different values; undefined for unique values. */
  readonly values?: number
  /** How many of a thousand operations never return to their clients. Half of these take effect. */
  readonly crashedPerMille?: number
  /** Whether one late read returns a value that was overwritten long before. */
  readonly hasStaleRead?: boolean
}

const READ_PERCENT = 50
const CAS_PERCENT = 15
/** The stale value is written after this part of the history, and read after that part. */
const OLD_PART = 0.3
const LATE_PART = 0.9

interface Call {
  readonly f: 'read' | 'write' | 'cas'
  readonly key: string
  readonly asked: Json
  isApplied: boolean
  answer: Json
  hasFailed: boolean
}

export function registerHistory(random: SeededRandom, plan: HistoryPlan): HistoryEvent[] {
  const { operations, keys, processes, values, crashedPerMille = 0 } = plan
  const held = new Map<string, Json>()
  const events: HistoryEvent[] = []
  const calls: (Call | undefined)[] = Array.from({ length: processes })
  const names = calls.map((_, client) => client)
  let started = 0
  let open = 0
  let nextValue = 1
  let nextName = processes

  const record = (client: number, type: HistoryEvent['type'], call: Call, value: Json): void => {
    const error = call.hasFailed ? { error: MISMATCH } : {}
    const { f, key } = call
    const index = events.length
    const process = names[client] as number
    events.push({ index, time: index * 1000, process, type, f, key, value, ...error })
  }
  const begin = (client: number): void => {
    const key = `k${random.below(keys)}`
    const kind = random.below(100)
    const f = kind < READ_PERCENT ? 'read' : kind < READ_PERCENT + CAS_PERCENT ? 'cas' : 'write'
    const value = values === undefined ? nextValue++ : random.below(values)
    const asked = f === 'read' ? null : f === 'write' ? value : [held.get(key) ?? null, value]
    const call: Call = { f, key, asked, isApplied: false, answer: asked, hasFailed: false }
    record(client, 'invoke', call, asked)
    calls[client] = call
    started++
    open++
  }
  const end = (client: number, call: Call): void => {
    const isCrashed = random.below(1000) < crashedPerMille
    if (!isCrashed || random.below(2) === 0) apply(held, call)
    if (isCrashed) {
      record(client, 'info', { ...call, hasFailed: false }, call.asked)
      names[client] = nextName++
    } else record(client, call.hasFailed ? 'fail' : 'ok', call, call.answer)
    calls[client] = undefined
    open--
  }

  while (started < operations || open > 0) {
    const client = random.below(processes)
    const call = calls[client]
    if (call === undefined) {
      if (started < operations) begin(client)
    } else if (!call.isApplied && random.below(2) === 0) apply(held, call)
    else end(client, call)
  }
  return plan.hasStaleRead === true ? withStaleRead(events) : events
}

function apply(held: Map<string, Json>, call: Call): void {
  if (call.isApplied) return
  call.isApplied = true
  const now = held.get(call.key) ?? null
  if (call.f === 'read') call.answer = now
  else if (call.f === 'write') held.set(call.key, call.asked)
  else {
    const [expected, next] = call.asked as [Json, Json]
    if (now === expected) held.set(call.key, next)
    else call.hasFailed = true
  }
}

function withStaleRead(events: readonly HistoryEvent[]): HistoryEvent[] {
  const isOld = ({ type, f }: HistoryEvent, at: number): boolean =>
    at > events.length * OLD_PART && type === 'ok' && f === 'write'
  const old = events.find(isOld)
  const late = events.findIndex(
    ({ type, f, key }, at) =>
      at > events.length * LATE_PART && type === 'ok' && f === 'read' && key === old?.key,
  )
  return events.map((event, at) => (at === late && old ? { ...event, value: old.value } : event))
}
