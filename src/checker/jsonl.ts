/**
 * `history.jsonl`: one event a line. Reads strictly: a history that is cut off or garbled must not pass for a
 * short good one, so each line is checked and the error names it.
 */
import {
  EVENT_TYPES,
  HistoryError,
  NEMESIS,
  type EventType,
  type HistoryEvent,
  type Json,
} from './history.ts'

export function formatJsonl(event: HistoryEvent): string {
  const { index, time, process, type, f, key, value, error, node } = event
  return JSON.stringify({
    index,
    time,
    process,
    type,
    f,
    key,
    value,
    error,
    node,
  })
}

/** Errors: HistoryError with the line. */
export function parseJsonl(text: string): HistoryEvent[] {
  const events: HistoryEvent[] = []
  const lines = text.split('\n')
  let last: HistoryEvent | undefined
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] as string).trim()
    if (line === '') continue
    const event = parseEvent(line, i + 1)
    if (last !== undefined && event.index <= last.index) {
      throw new HistoryError(i + 1, `index ${event.index} does not come after ${last.index}`)
    }
    if (last !== undefined && event.time < last.time) {
      throw new HistoryError(i + 1, `time ${event.time} is before ${last.time}`)
    }
    events.push(event)
    last = event
  }
  return events
}

function parseEvent(line: string, number: number): HistoryEvent {
  const fields = parseObject(line, number)
  const { index, time, process, type, f, key, value, error, node } = fields
  if (!isCount(index)) throw new HistoryError(number, '"index" must be a whole number from 0')
  if (!isCount(time))
    throw new HistoryError(number, '"time" must be whole nanoseconds since the start')
  if (!isCount(process) && process !== NEMESIS) {
    throw new HistoryError(number, `"process" must be a whole number from 0, or "${NEMESIS}"`)
  }
  if (!isEventType(type))
    throw new HistoryError(number, `"type" must be one of ${EVENT_TYPES.join(', ')}`)
  if (typeof f !== 'string' || f === '') throw new HistoryError(number, '"f" must be a name')
  return {
    index,
    time,
    process,
    type,
    f,
    value: value ?? null,
    ...optionalText('key', key, number),
    ...optionalText('error', error, number),
    ...optionalText('node', node, number),
  }
}

function parseObject(line: string, number: number): Record<string, Json | undefined> {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    throw new HistoryError(number, 'is not JSON (one event a line is expected)')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new HistoryError(number, 'is not a JSON object')
  }
  return parsed as Record<string, Json>
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isEventType(value: Json | undefined): value is EventType {
  return EVENT_TYPES.some((type) => type === value)
}

function optionalText(
  name: 'key' | 'error' | 'node',
  value: Json | undefined,
  line: number,
): object {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'string') throw new HistoryError(line, `"${name}" must be a string`)
  return { [name]: value }
}
