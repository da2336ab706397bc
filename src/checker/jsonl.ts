/** `history.jsonl`: one event a line. */
import { eventsOf, type EventRecord } from './event-fields.ts'
import { HistoryError, type HistoryEvent, type Json } from './history.ts'

export function formatJsonl(event: HistoryEvent): string {
  const { index, time, process, type, f, key, value, error, node, session } = event
  return JSON.stringify({ index, time, process, type, f, key, value, error, node, session })
}

/** Errors: HistoryError with the line. */
export function parseJsonl(text: string): HistoryEvent[] {
  return eventsOf(recordsOf(text))
}

function* recordsOf(text: string): Generator<EventRecord> {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] as string).trim()
    if (line !== '') yield { line: i + 1, fields: parseObject(line, i + 1) }
  }
}

function parseObject(text: string, line: number): EventRecord['fields'] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new HistoryError(line, 'is not JSON (one event a line is expected)')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new HistoryError(line, 'is not a JSON object')
  }
  return parsed as Record<string, Json>
}
