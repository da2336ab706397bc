/**
 * A program as data: several commands under one name, of which each has its own table. The first word names the command.
 */
import type { Command, Options } from './command.ts'
import { hintAt } from './near-name.ts'
import { UsageError } from './usage-error.ts'

export interface Program {
  /** Its errors begin with this name. */
  readonly name: string
  /** The text that a user types before the name of a command, such as `npx quorate`. */
  readonly call: string
  readonly about: string
  /** The commands in groups, in the order in which help shows them. */
  readonly groups: readonly CommandGroup[]
  /** Options that many commands have. They may also stand before the name of the command. */
  readonly options: Options
  readonly examples: readonly string[]
  /** The exit codes of all commands but those that are handed over. */
  readonly exitCodes: Command['exitCodes']
}

export interface CommandGroup {
  readonly title: string
  readonly commands: Readonly<Record<string, Command | HandedOver>>
}

/** A command that another script runs, with a table of its own. */
export interface HandedOver {
  readonly about: string
  readonly isHandedOver: true
}

/** What the arguments ask for. `name` is that of a command, or undefined for the help of the program. */
export interface ProgramLine {
  readonly name: string | undefined
  /** The arguments of the command. */
  readonly argv: readonly string[]
}

/** Throws UsageError if there is no such command. */
export function readProgramLine(program: Program, argv: readonly string[]): ProgramLine {
  const at = commandAt(program.options, argv)
  const name = argv[at]
  if (name === undefined) {
    const unknown = argv.find((word) => !isKnown(program.options, word))
    if (unknown === undefined) return { name: undefined, argv: [] }
    throw new UsageError(`there is no option ${unknown} before the name of a command`)
  }
  const rest = argv.toSpliced(at, 1)
  if (name === 'help') {
    const [wanted] = rest
    if (wanted === undefined) return { name: undefined, argv: [] }
    return { name: checkName(program, wanted), argv: ['--help'] }
  }
  return { name: checkName(program, name), argv: rest }
}

export function commandsOf(program: Program): Readonly<Record<string, Command | HandedOver>> {
  return Object.assign({}, ...program.groups.map(({ commands }) => commands)) as Readonly<
    Record<string, Command | HandedOver>
  >
}

export function isHandedOver(command: Command | HandedOver): command is HandedOver {
  return 'isHandedOver' in command
}

/** The place of the first word that is neither an option nor the value of one. */
function commandAt(options: Options, argv: readonly string[]): number {
  let at = 0
  while (argv[at]?.startsWith('-') === true) {
    const option = options[(argv[at] as string).slice(2)]
    at += option === undefined || option.kind === 'flag' ? 1 : 2
  }
  return at
}

function isKnown(options: Options, word: string): boolean {
  if (!word.startsWith('-') || word === '-h') return true
  const [name = ''] = word.slice(2).split('=')
  return name === 'help' || Object.hasOwn(options, name)
}

function checkName(program: Program, name: string): string {
  const names = Object.keys(commandsOf(program))
  if (names.includes(name)) return name
  throw new UsageError(
    `there is no command ${name}${hintAt(name, names)}; the commands are ${names.join(', ')}`,
  )
}
