/**
 * Reads a query string strictly. An unknown name, a name given twice or a broken encoding ends the request, so that a
 * typing error never silently changes what a client gets.
 */
import { QuorateError } from '../../core/errors.ts'
import { percentDecode } from './percent-decoding.ts'

export type Query = ReadonlyMap<string, string>

const EMPTY_QUERY: Query = new Map()
/** How many characters of a client's text an error repeats. */
const QUOTE_CHARACTERS_MAX = 60

/** Throws bad_parameter. A name without `=` has the value ''. */
export function parseQuery(query: string, allowed: readonly string[]): Query {
  if (query === '') return EMPTY_QUERY
  const values = new Map<string, string>()
  let start = 0
  while (start <= query.length) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand < 0 ? query.length : ampersand
    if (end > start) addParameter(values, query.slice(start, end), allowed)
    start = end + 1
  }
  return values
}

/** The text after the question mark of a raw request target, still encoded. */
export function queryOfTarget(target: string): string {
  const question = target.indexOf('?')
  return question < 0 ? '' : target.slice(question + 1)
}

export function badParameter(message: string): QuorateError {
  return new QuorateError('bad_parameter', message)
}

/** `text` in quotes, shortened and escaped so that an error can repeat it. */
export function quoted(text: string): string {
  const short = text.length > QUOTE_CHARACTERS_MAX
  return JSON.stringify(short ? `${text.slice(0, QUOTE_CHARACTERS_MAX)}…` : text)
}

function addParameter(values: Map<string, string>, pair: string, allowed: readonly string[]): void {
  const equals = pair.indexOf('=')
  const name = decode(equals < 0 ? pair : pair.slice(0, equals))
  if (!allowed.includes(name)) {
    const list = allowed.length === 0 ? 'none' : allowed.join(', ')
    throw badParameter(`There is no parameter ${quoted(name)} here; allowed: ${list}.`)
  }
  if (values.has(name)) throw badParameter(`The parameter ${name} is given more than once.`)
  values.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1)))
}

/** In a query string, unlike in a path, a plus sign is a space: URLSearchParams and forms write spaces so. */
function decode(raw: string): string {
  const text = percentDecode(raw.includes('+') ? raw.replaceAll('+', ' ') : raw)
  if (text === undefined) {
    throw badParameter(`The query has a broken percent-encoding or is not UTF-8: ${quoted(raw)}.`)
  }
  return text
}
