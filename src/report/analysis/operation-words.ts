/** Words for an operation in a story: which client asked which node to do what, and the answer. */
import type { Json } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'

/** Longer values are cut, with a note. history.jsonl has the full value. */
const VALUE_CHARACTERS_MAX = 160
/** A read of more siblings than this shows only their number. */
const VALUES_NAMED_MAX = 12

/** For example "client 3 asked n2 to add 17 to k1". */
export function requestOf(operation: Operation): string {
  const asked = operation.node === undefined ? 'asked' : `asked ${operation.node}`
  return `${clientOf(operation)} ${asked} to ${deedOf(operation)}`
}

/** The answer, to follow the request: "acknowledged", "answered 5", "rejected: no quorum". */
export function answerOf({ f, outcome, input, output, error }: Operation): string {
  const why = error === undefined ? '' : `: ${cut(error)}`
  if (outcome === 'fail') return `rejected${why}; it did not take effect`
  if (outcome === 'info')
    return `outcome unknown${why}; it may have taken effect, or may still do so`
  if (READS.has(f)) return `answered ${foundOf(output)}`
  return JSON.stringify(output) === JSON.stringify(input)
    ? 'acknowledged'
    : `acknowledged with ${textOf(output)}`
}

export function clientOf({ session }: Operation): string {
  return `client ${session}`
}

/** A value as JSON, cut if it is long. */
export function textOf(value: Json, max: number = VALUE_CHARACTERS_MAX): string {
  return cut(JSON.stringify(value), max)
}

/** For a write or an add, the value that a later read should show. */
export function valueWritten({ f, input }: Operation): Json | undefined {
  if (READS.has(f) || f === 'delete' || f === 'cas') return undefined
  return isMap(input) && input['write'] !== undefined ? input['write'] : input
}

const READS: ReadonlySet<string> = new Set(['read', 'get'])

function deedOf({ f, key, input }: Operation): string {
  const where = key === undefined || key === '' ? '' : ` ${key}`
  const to = where === '' ? '' : ` to${where}`
  if (READS.has(f)) return `read${where === '' ? ' it' : where}`
  if (f === 'add') return `add ${textOf(input)}${to}`
  if (f === 'delete') return `delete${where === '' ? ' it' : where}${sawOf(input)}`
  if (f === 'append') return `append ${textOf(input)}${to}`
  if (f === 'cas' && isList(input) && input.length === 2) {
    const [from, into] = input as [Json, Json]
    return `set${where === '' ? ' it' : where} to ${textOf(into)} if it is ${textOf(from)}`
  }
  if (f === 'write' || f === 'put') return `write ${writtenOf(input)}${to}${sawOf(input)}`
  return `${f}${input === null ? '' : ` ${textOf(input)}`}${where === '' ? '' : ` on${where}`}`
}

function foundOf(output: Json): string {
  if (output === null || (isList(output) && output.length === 0)) return 'no value'
  if (isList(output) && output.length > VALUES_NAMED_MAX) return `${output.length} values`
  return isList(output) ? output.map((value) => textOf(value)).join(' and ') : textOf(output)
}

/** The written value. The input of the siblings workload also holds the values that its client had seen. */
function writtenOf(input: Json): string {
  return isMap(input) && input['write'] !== undefined ? textOf(input['write']) : textOf(input)
}

function sawOf(input: Json): string {
  if (!isMap(input) || input['write'] === undefined) return ''
  const { saw } = input
  if (saw === undefined || saw === null) return ' without a context'
  if (isList(saw) && saw.length === 0) return ', having seen no value'
  return `, replacing ${textOf(saw)}`
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isMap(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function cut(text: string, max: number = VALUE_CHARACTERS_MAX): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`
}
