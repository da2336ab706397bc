/** Reads and writes `history.jsonl`: one event a line. */
import { exactInteger } from './exact-integer.ts'
import { eventsOf, type EventRecord } from './event-fields.ts'
import { fromStart } from './event-times.ts'
import { HistoryError, type HistoryEvent, type Json } from './history.ts'
import { withKeys } from './independent-keys.ts'

export function formatJsonl(event: HistoryEvent): string {
  const { index, time, process, type, f, key, value, error, node, session } = event
  return JSON.stringify({ index, time, process, type, f, key, value, error, node, session })
}

/** Throws HistoryError with the line. */
export function parseJsonl(text: string): HistoryEvent[] {
  const records = [...recordsOf(text)]
  const shaped = fromStart(withKeys(records.map(({ fields }) => fields)))
  return eventsOf(
    shaped.map((fields, place) => ({ line: (records[place] as EventRecord).line, fields })),
  )
}

function* recordsOf(text: string): Generator<EventRecord> {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] as string).trim()
    if (line !== '') yield { line: i + 1, fields: parseObject(line, i + 1) }
  }
}

/** So many digits may make a number too large to be exact. */
const LARGE = /\d{16}/

function exactly(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  const isInteger = typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source)
  return isInteger ? exactInteger(source) : value
}

function parseObject(text: string, line: number): EventRecord['fields'] {
  let parsed: unknown
  try {
    parsed = LARGE.test(text) ? JSON.parse(text, exactly) : JSON.parse(text)
  } catch {
    throw new HistoryError(line, 'is not JSON (one event a line is expected)')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new HistoryError(line, 'is not a JSON object')
  }
  return parsed as Record<string, Json>
}
