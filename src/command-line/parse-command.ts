/** Parses the arguments of a command by its table. Pure. */
import { parseArgs } from 'node:util'
import {
  type Command,
  type Option,
  type Options,
  type ValuesOf,
  type Word,
  wordsText,
} from './command.ts'
import { hintAt } from './near-name.ts'
import { UsageError } from './usage-error.ts'
import { readValue } from './value.ts'

export interface Parsed<O extends Options> {
  /** The given values, and the defaults of the others. */
  readonly values: ValuesOf<O>
  readonly given: ReadonlySet<string>
  readonly subcommand: string | undefined
  /** Without the subcommand. */
  readonly words: readonly string[]
}

/** Undefined if help is asked for. Throws UsageError. If an option is given twice, the last one counts; lists add up. */
export function parseCommand<O extends Options>(
  command: Command<O>,
  argv: readonly string[],
): Parsed<O> | undefined {
  const { options: table, subcommands } = command
  const { given, words } = split(table, argv)
  const needsSubcommand = subcommands !== undefined
  if (given.has('help') || (needsSubcommand && (words[0] ?? 'help') === 'help')) return undefined
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) values[name] = valueOf(name, option, given)
  checkTogether(table, new Set(given.keys()))
  const checked = checkWords(command, words)
  const [subcommand] = needsSubcommand ? checked : []
  return {
    values: values as ValuesOf<O>,
    given: new Set(given.keys()),
    subcommand,
    words: subcommand === undefined ? checked : checked.slice(1),
  }
}

/** A negative number is a word or a value. This mark, which no argument can contain, keeps it from being an option. */
const NEGATIVE = '\0'

type Given = ReadonlyMap<string, string | undefined>

function split(table: Options, argv: readonly string[]): { given: Given; words: string[] } {
  const args = argv.map((word) => (/^-\d/.test(word) ? `${NEGATIVE}${word}` : word))
  const kinds = Object.entries(table).map(([name, { kind }]) => [
    name,
    { type: kind === 'flag' ? 'boolean' : 'string' } as const,
  ])
  const { tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    options: { ...Object.fromEntries(kinds), help: { type: 'boolean', short: 'h' } },
  })
  const given = new Map<string, string | undefined>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(unmarked(token.value))
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    if (name !== 'help' && table[name] === undefined) {
      throw new UsageError(`there is no option ${rawName}${hintAt(name, Object.keys(table), '--')}`)
    }
    // A dash alone stands for standard input.
    const isOption = inlineValue === false && value.startsWith('-') && value !== '-'
    const text = value === undefined || isOption ? undefined : unmarked(value)
    const before = table[name]?.kind === 'list' ? given.get(name) : undefined
    given.set(name, before === undefined || text === undefined ? text : `${before},${text}`)
  }
  return { given, words }
}

function unmarked(text: string): string {
  return text.startsWith(NEGATIVE) ? text.slice(NEGATIVE.length) : text
}

function valueOf(name: string, option: Option, given: Given): unknown {
  const text = given.get(name)
  if (option.kind === 'flag' && text === undefined) return given.has(name)
  if (!given.has(name)) return 'default' in option ? option.default : undefined
  if (text === undefined) throw new UsageError(`--${name} needs a value`)
  return readValue(`--${name}`, option, text)
}

/** Refuses an option that would be ignored, because it is probably a mistake. */
function checkTogether(table: Options, given: ReadonlySet<string>): void {
  for (const [name, { needs, without = [] }] of Object.entries(table)) {
    if (!given.has(name)) continue
    const other = without.find((candidate) => given.has(candidate))
    if (other !== undefined) throw new UsageError(`--${name} does not go with --${other}`)
    if (needs !== undefined && !given.has(needs)) {
      throw new UsageError(`--${name} needs --${needs}`)
    }
  }
}

/** The words, which are those of the command or begin with a subcommand. Throws UsageError if they are not. */
export function checkWords(
  { subcommands, words: own = [] }: Pick<Command, 'subcommands' | 'words'>,
  given: readonly string[],
): string[] {
  if (subcommands === undefined) return checkEach('', own, given)
  const [name = '', ...rest] = given
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
  if (subcommand !== undefined) return [name, ...checkEach(name, subcommand.words ?? [], rest)]
  const names = Object.keys(subcommands).filter((other) => subcommands[other]?.isHidden !== true)
  throw new UsageError(
    `there is no command ${name}${hintAt(name, names)}; the commands are ${names.join(', ')}`,
  )
}

function checkEach(
  subcommand: string,
  expected: readonly Word[],
  given: readonly string[],
): string[] {
  const last = expected.at(-1)
  const most = last?.isRepeated === true ? Infinity : expected.length
  if (given.length > most) throw new UsageError(`unexpected argument ${given[most]}`)
  const missing = expected[given.length]
  if (missing !== undefined && missing.isOptional !== true && missing.isRepeated !== true) {
    throw new UsageError(`${subcommand} needs ${wordsText(expected)}`.trim())
  }
  for (const [i, text] of given.entries()) {
    const { name, value } = (expected[i] ?? last) as Word
    if (value !== undefined) readValue(name, value, text)
  }
  return [...given]
}
