/** The kinds of values that a command line can hold, and how each is read and bounded. */
import { durationText, parseDuration } from './duration.ts'
import { hintAt } from './near-name.ts'
import { SEED_EXPECTED, SEED_PATTERN } from './seed.ts'
import { UsageError } from './usage-error.ts'

export type Value =
  | { readonly kind: 'flag' }
  | {
      readonly kind: 'text'
      readonly placeholder: string
      readonly default?: string
      readonly pattern?: RegExp
      /** Says in words what the pattern allows. */
      readonly expected?: string
    }
  /** A whole number. */
  | {
      readonly kind: 'number'
      readonly min: number
      readonly max: number
      readonly default?: number
    }
  /** In milliseconds. */
  | {
      readonly kind: 'duration'
      readonly min?: number
      readonly max: number
      /** Only whole seconds are allowed, and a number alone is a number of seconds. */
      readonly isInSeconds?: boolean
      readonly default?: number
    }
  | { readonly kind: 'seed' }
  /** One of the names. */
  | {
      readonly kind: 'choice'
      readonly names: readonly string[]
      readonly default?: string
    }
  /** Some of the names, separated by commas. */
  | {
      readonly kind: 'names'
      readonly names: readonly string[]
      /** Whether `none` stands for no name. */
      readonly allowsNone?: boolean
      readonly default?: readonly string[]
    }
  /** Texts, separated by commas. */
  | { readonly kind: 'list'; readonly placeholder: string; readonly default?: readonly string[] }
  /** Whole numbers, separated by commas. */
  | { readonly kind: 'numbers'; readonly max: number }

/** The type of a value that has been read. */
export type ReadOf<V extends Value> = V extends { readonly kind: 'flag' }
  ? boolean
  : V extends { readonly kind: 'number' | 'duration' }
    ? number
    : V extends { readonly kind: 'choice'; readonly names: readonly (infer N)[] }
      ? N
      : V extends { readonly kind: 'names'; readonly names: readonly (infer N)[] }
        ? readonly N[]
        : V extends { readonly kind: 'list' }
          ? readonly string[]
          : V extends { readonly kind: 'numbers' }
            ? readonly number[]
            : string

type ReadValue = boolean | string | number | readonly string[] | readonly number[]

const NONE = 'none'

/** Throws UsageError. `label` says where the text stands, such as `--seed`. */
export function readValue(label: string, value: Value, text: string): ReadValue {
  switch (value.kind) {
    case 'flag':
      throw new UsageError(`${label} takes no value`)
    case 'text':
      if (text !== '' && (value.pattern?.test(text) ?? true)) return text
      break
    case 'seed':
      if (SEED_PATTERN.test(text)) return text
      break
    case 'number':
      if (isWithin(text, value.min, value.max)) return Number(text)
      break
    case 'numbers': {
      const parts = text.split(',')
      const wrong = parts.find((part) => !isWithin(part, 0, value.max))
      if (wrong === undefined) return parts.map(Number)
      break
    }
    case 'duration': {
      const { max, isInSeconds = false } = value
      const ms = parseDuration(isInSeconds && /^\d+$/.test(text) ? `${text}s` : text)
      const isAllowed = ms !== undefined && ms >= leastMs(value) && ms <= max
      if (isAllowed && (!isInSeconds || ms % 1000 === 0)) return ms
      break
    }
    case 'choice': {
      const name = nameOf(text)
      if (value.names.includes(name)) return name
      throw new UsageError(
        `${label} ${text}: must be ${expectation(value)}${hintAt(name, value.names)}`,
      )
    }
    case 'names':
      return readNames(label, value, text)
    case 'list':
      return text.split(',').map((part) => part.trim())
    default:
      return value satisfies never
  }
  throw new UsageError(`${label} ${text}: must be ${expectation(value)}`)
}

/** Says in words which values are allowed; empty if all are. */
export function expectation(value: Value): string {
  switch (value.kind) {
    case 'flag':
    case 'list':
      return ''
    case 'text':
      return value.expected ?? 'a text that is not empty'
    case 'seed':
      return SEED_EXPECTED
    case 'number':
      return `a whole number from ${value.min} to ${value.max}`
    case 'numbers':
      return `whole numbers from 0 to ${value.max}, separated by commas`
    case 'duration': {
      const { max, isInSeconds = false } = value
      const what = isInSeconds
        ? 'whole seconds such as 30, 30s or 10m'
        : 'a duration such as 500ms, 30s or 10m'
      return `${what}, from ${durationText(leastMs(value))} to ${durationText(max)}`
    }
    case 'choice':
      return `one of ${value.names.join(', ')}`
    case 'names': {
      const none = value.allowsNone === true ? `${NONE} alone, or ` : ''
      return `${none}some of ${value.names.join(', ')}`
    }
    default:
      return value satisfies never
  }
}

function leastMs({
  min,
  isInSeconds = false,
}: Extract<Value, { readonly kind: 'duration' }>): number {
  return min ?? (isInSeconds ? 1000 : 1)
}

function readNames(
  label: string,
  { names, allowsNone = false, ...others }: Extract<Value, { readonly kind: 'names' }>,
  text: string,
): readonly string[] {
  const chosen = text.split(',').map(nameOf)
  if (allowsNone && chosen.length === 1 && chosen[0] === NONE) return []
  const wrong = chosen.find((name) => !names.includes(name))
  if (wrong === undefined) return chosen
  const expected = expectation({ ...others, names, allowsNone })
  throw new UsageError(`${label} ${wrong}: must be ${expected}${hintAt(wrong, names)}`)
}

/** A space counts as a dash, so that `partition halves` may be written as in the chaos command. */
function nameOf(text: string): string {
  return text.trim().replaceAll(/\s+/g, '-')
}

function isWithin(text: string, min: number, max: number): boolean {
  return /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max
}
