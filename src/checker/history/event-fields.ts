/**
 * Makes events from the fields of records, for every form of a history. It checks each field and the order strictly, so
 * that a garbled history never counts as a different one.
 */
import {
  EVENT_TYPES,
  HistoryError,
  NEMESIS,
  type EventType,
  type HistoryEvent,
  type Json,
} from './history.ts'

export interface EventRecord {
  /** The line where the record begins, from 1. */
  readonly line: number
  readonly fields: { readonly [name: string]: Json | undefined }
}

/** Throws HistoryError with the line. */
export function eventsOf(records: Iterable<EventRecord>): HistoryEvent[] {
  const events: HistoryEvent[] = []
  let last: HistoryEvent | undefined
  for (const { line, fields } of records) {
    const event = eventOf(fields, line)
    if (last !== undefined && event.index <= last.index) {
      throw new HistoryError(line, `index ${event.index} does not come after ${last.index}`)
    }
    if (last !== undefined && event.time < last.time) {
      throw new HistoryError(line, `time ${event.time} is before ${last.time}`)
    }
    events.push(event)
    last = event
  }
  return events
}

function eventOf(fields: EventRecord['fields'], line: number): HistoryEvent {
  const { index, time, process, type, f, key, value, error, node, session, isUntold } = fields
  if (!isCount(index)) throw new HistoryError(line, '"index" must be a whole number from 0')
  if (!isCount(time))
    throw new HistoryError(line, '"time" must be whole nanoseconds since the start')
  if (!isCount(process) && process !== NEMESIS) {
    throw new HistoryError(line, `"process" must be a whole number from 0, or "${NEMESIS}"`)
  }
  if (session !== undefined && session !== null && !isCount(session)) {
    throw new HistoryError(line, '"session" must be a whole number from 0')
  }
  if (!isEventType(type))
    throw new HistoryError(line, `"type" must be one of ${EVENT_TYPES.join(', ')}`)
  if (typeof f !== 'string' || f === '') throw new HistoryError(line, '"f" must be a name')
  // Most fields of an event are optional. Setting them one by one is faster than spreading an object for each.
  const event: { -readonly [Field in keyof HistoryEvent]: HistoryEvent[Field] } = {
    index,
    time,
    process,
    type,
    f,
    value: value ?? null,
  }
  if (isPresent(key)) event.key = textOf('key', key, line)
  if (isPresent(error)) event.error = textOf('error', error, line)
  if (isPresent(node)) event.node = textOf('node', node, line)
  if (typeof session === 'number') event.session = session
  if (isUntold === true) event.isUntold = true
  return event
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isEventType(value: Json | undefined): value is EventType {
  return EVENT_TYPES.some((type) => type === value)
}

function isPresent(value: Json | undefined): value is Json {
  return value !== undefined && value !== null
}

function textOf(name: 'key' | 'error' | 'node', value: Json, line: number): string {
  if (typeof value !== 'string') throw new HistoryError(line, `"${name}" must be a string`)
  return value
}
