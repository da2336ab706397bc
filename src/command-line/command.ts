/**
 * A command as data: its options, words and subcommands, each with one plain sentence. Parsing, bounds, help and the
 * errors of usage all come from this one table.
 */
import type { Value, ReadOf } from './value.ts'

export interface Command<O extends Options = Options> {
  /** Its errors begin with this name. */
  readonly name: string
  /** The text that a user types before the options, such as `npm run sim --`. */
  readonly call: string
  readonly about: string
  readonly options: O
  /** If there are subcommands, the first word names one, and the others are the words of that one. */
  readonly subcommands?: Readonly<Record<string, Subcommand>>
  /** For a command without subcommands. */
  readonly words?: readonly Word[]
  readonly examples?: readonly string[]
  /** The meaning of each exit code but that of a wrong command line: USAGE_EXIT_CODE, or `usageExitCode`. */
  readonly exitCodes: readonly (readonly [code: number, meaning: string])[]
  readonly usageExitCode?: number
}

export type Options = Readonly<Record<string, Option>>

export type Option = Value & {
  readonly about: string
  /** The default in words, if it depends on something. */
  readonly otherwise?: string
  /** Another option that must be given, too. */
  readonly needs?: string
  /** Options that may not be given besides this one. */
  readonly without?: readonly string[]
}

export interface Subcommand {
  readonly about: string
  readonly words?: readonly Word[]
  /** Only programs call it, so help does not show it. */
  readonly isHidden?: boolean
}

export interface Word {
  readonly name: string
  /** Absent: any text, which the command itself reads. */
  readonly value?: Value
  readonly isOptional?: boolean
  /** The last word may be repeated, or absent. */
  readonly isRepeated?: boolean
}

export type ValuesOf<O extends Options> = {
  readonly [Name in keyof O]:
    | ReadOf<O[Name]>
    | (O[Name] extends { readonly kind: 'flag' } | { readonly default: unknown }
        ? never
        : undefined)
}

export const USAGE_EXIT_CODE = 2

/** The words as a user reads them: `NODE [NAME…]`. */
export function wordsText(words: readonly Word[]): string {
  return words
    .map(({ name, isOptional, isRepeated }) => {
      if (isRepeated === true) return `[${name}…]`
      return isOptional === true ? `[${name}]` : name
    })
    .join(' ')
}

/** Keeps the literal types of the table, from which the types of the values follow. */
export function command<const O extends Options>(table: Command<O>): Command<O> {
  return table
}
