/**
 * Writes `history.edn`: the events in the form that Jepsen writes and its tools read, one map a line. Keys, values and
 * nodes are strings; processes, types and operations are keywords.
 */
import type { HistoryEvent, Json } from './history.ts'

/** The value of a read that found no value, and of a cas that expects none. */
export const ABSENT = ':absent'

export function formatEdn(event: HistoryEvent): string {
  const process = typeof event.process === 'number' ? String(event.process) : keyword(event.process)
  const fields = [
    `:index ${event.index}`,
    `:time ${event.time}`,
    `:process ${process}`,
    `:type ${keyword(event.type)}`,
    `:f ${keyword(event.f)}`,
  ]
  if (event.key !== undefined) fields.push(`:key ${text(event.key)}`)
  fields.push(`:value ${answerOf(event)}`)
  if (event.error !== undefined) fields.push(`:error ${text(event.error)}`)
  if (event.node !== undefined) fields.push(`:node ${text(event.node)}`)
  if (event.session !== undefined) fields.push(`:session ${event.session}`)
  return `{${fields.join(', ')}}`
}

/** Writes the absence that a read found as ABSENT, because Jepsen's models ignore a read of `nil`. */
function answerOf({ type, f, value }: HistoryEvent): string {
  const isPair = f === 'cas' && typeof value === 'object' && value !== null && isList(value)
  if (isPair) return `[${value.map(presentOrAbsent).join(' ')}]`
  return type === 'ok' && f === 'read' ? presentOrAbsent(value) : formatEdnValue(value)
}

function presentOrAbsent(value: Json): string {
  return value === null ? ABSENT : formatEdnValue(value)
}

export function formatEdnValue(value: Json): string {
  if (value === null) return 'nil'
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object') return String(value)
  if (isList(value)) return `[${value.map(formatEdnValue).join(' ')}]`
  const entries = Object.entries(value).map(
    ([name, of]) => `${keyword(name)} ${formatEdnValue(of)}`,
  )
  return `{${entries.join(', ')}}`
}

/** Characters that EDN does not allow in a keyword become dashes: `partition n1/n2` is `:partition-n1-n2`. */
function keyword(name: string): string {
  return `:${name.replaceAll(/[^A-Za-z0-9.*+!?_-]+/g, '-')}`
}

/** The escapes of JSON are valid in EDN. */
function text(value: string): string {
  return JSON.stringify(value)
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value)
}
