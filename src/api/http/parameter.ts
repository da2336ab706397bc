/**
 * Query parameters. Each is one object that holds its name, the schema of its values for the document, and the reader
 * that requests go through, all made of the same bounds.
 */
import { badParameter, type Query, quoted } from './query.ts'
import { choiceOf, type Schema } from './schema.ts'

export interface Parameter<T = unknown> {
  readonly name: string
  /** What it does, in a sentence for the document. */
  readonly meaning: string
  readonly schema: Schema
  readonly isRequired?: true
  /** Whether the bare name, without a value, is valid. */
  readonly isBareAllowed?: true
  /** Undefined if the parameter is not given. Throws bad_parameter. */
  readonly read: (query: Query) => T | undefined
}

/** Above this, a bound says nothing to a client. */
const DIGITS_MAX = 12

/** A whole number in `min…max`. */
export function wholeNumber(
  name: string,
  min: number,
  max: number,
  meaning: string,
): Parameter<number> {
  const bounds = max < 10 ** DIGITS_MAX ? { minimum: min, maximum: max } : { minimum: min }
  return {
    name,
    meaning,
    schema: { type: 'integer', ...bounds },
    read: (query) => {
      const text = query.get(name)
      if (text === undefined) return undefined
      const value = /^[0-9]{1,12}$/.test(text) ? Number(text) : Number.NaN
      if (value >= min && value <= max) return value
      throw badParameter(`${name}=${quoted(text)} is not a whole number from ${min} to ${max}.`)
    },
  }
}

/** A parameter of which a request may allow fewer choices than there are. */
export interface Choice<T extends string> extends Parameter<T> {
  /** Like `read`, with fewer choices; `where` says in words where these are the allowed ones. */
  readonly readAmong: (query: Query, choices: readonly T[], where: string) => T | undefined
}

export function choice<T extends string>(
  name: string,
  choices: readonly T[],
  meaning: string,
): Choice<T> {
  const readAmong: Choice<T>['readAmong'] = (query, allowed, where) => {
    const text = query.get(name)
    if (text === undefined) return undefined
    if ((allowed as readonly string[]).includes(text)) return text as T
    throw badParameter(
      `${name}=${quoted(text)} is not allowed ${where}; allowed: ${allowed.join(', ')}.`,
    )
  }
  return {
    name,
    meaning,
    schema: choiceOf(choices),
    read: (query) => readAmong(query, choices, 'here'),
    readAmong,
  }
}

/** `true` or `false`; a bare name counts as true. */
export function flag(name: string, meaning: string): Parameter<boolean> {
  const { read } = choice(name, ['true', 'false'], meaning)
  return {
    name,
    meaning,
    schema: { type: 'boolean' },
    isBareAllowed: true,
    read: (query) => {
      if (query.get(name) === '') return true
      const text = read(query)
      return text === undefined ? undefined : text === 'true'
    },
  }
}

/** Text that `check` returns, or refuses. */
export function checkedText(
  name: string,
  schema: Schema,
  check: (text: string) => string,
  meaning: string,
): Parameter<string> {
  return {
    name,
    meaning,
    schema,
    read: (query) => {
      const text = query.get(name)
      return text === undefined ? undefined : check(text)
    },
  }
}
