/** Reads a recorded history of this or another system. It recognises the form by the content. */
import { ABSENT } from './edn.ts'
import { readEdn } from './edn-reader.ts'
import { eventsOf, type EventRecord } from './event-fields.ts'
import { fromStart } from './event-times.ts'
import { HistoryError, type HistoryEvent, type Json } from './history.ts'
import { type Fields, withKeys } from './independent-keys.ts'
import { isJepsenLog, parseJepsenLog } from './jepsen-log.ts'
import { parseJsonl } from './jsonl.ts'

/** A JSON object begins with a string as a name. An EDN map begins with a keyword, and may be inside one vector. */
const JSON_OBJECT = /^\s*\{\s*"/
const JSON_ARRAY = /^\s*\[\s*\{\s*"/

/** Throws HistoryError with the line. */
export function readHistory(text: string): HistoryEvent[] {
  if (text.trim() === '') throw new HistoryError(1, 'the history is empty')
  if (JSON_OBJECT.test(text)) return parseJsonl(text)
  if (JSON_ARRAY.test(text)) {
    throw new HistoryError(1, 'begins a JSON array (one event a line is expected)')
  }
  return isJepsenLog(text) ? parseJepsenLog(text) : parseEdnHistory(text)
}

/** Stands for `:absent` while the fields are made. It is compared by identity, so that no text counts as absent. */
const NOTHING: Json = { absent: true }

/**
 * Reads the form of Jepsen: maps, one after another or in one vector. A missing `:index` or `:time` becomes the place
 * in the file. A time that goes back, as happens between Jepsen's threads, is raised to the previous time.
 */
function parseEdnHistory(text: string): HistoryEvent[] {
  const forms = readEdn(text, (name) => (name === ABSENT.slice(1) ? NOTHING : name))
  const [first] = forms
  const records =
    forms.length === 1 && first !== undefined && isList(first.value)
      ? first.value.map((value) => ({ line: first.line, value }))
      : forms
  const maps = records.map(({ line, value }) => mapOf(value, line))
  const shaped = fromStart(withKeys(maps))
  let lastTime = 0
  const timed = shaped.map((map, place) => {
    const { line } = records[place] as (typeof records)[number]
    const { fields } = recordOf(map, line, place)
    const { time } = fields
    if (typeof time !== 'number') return { line, fields }
    lastTime = Math.max(lastTime, time)
    return { line, fields: { ...fields, time: lastTime } }
  })
  return eventsOf(timed)
}

function mapOf(value: Json, line: number): Fields {
  if (typeof value === 'object' && value !== null && !isList(value)) return value
  throw new HistoryError(line, 'is neither a JSON object nor an EDN map')
}

function recordOf(map: Fields, line: number, place: number): EventRecord {
  const { index, time, type, f, key, error, node } = map
  const isRead = type === 'ok' && f === 'read'
  const told = map['value']
  const isUntold = told === undefined || told === null
  return {
    line,
    fields: {
      ...map,
      index: index ?? place,
      time: time ?? place,
      key: textOf(key),
      error: textOf(error),
      node: textOf(node),
      value: told === undefined ? null : withoutNothing(told),
      ...(isRead && isUntold ? { isUntold: true } : {}),
    },
  }
}

function withoutNothing(value: Json): Json {
  if (isList(value)) return value.map(withoutNothing)
  return value === NOTHING ? null : value
}

function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
