/** The help of a command, made from its table. */
import {
  type Command,
  type Option,
  type Options,
  type Subcommand,
  USAGE_EXIT_CODE,
  wordsText,
} from './command.ts'
import { durationText } from './duration.ts'
import {
  exitCodeSection,
  lineSection,
  nameTable,
  type Row,
  section,
  WIDTH,
  wrapped,
} from './help-page.ts'
import { expectation, type Value } from './value.ts'

export function helpText(command: Command): string {
  const { about, examples = [], subcommands = {} } = command
  const shown = Object.entries(subcommands).filter(([, { isHidden }]) => isHidden !== true)
  const rows = [...optionRows(command.options), HELP_ROW]
  return [
    `Usage: ${usage(command)}`,
    '',
    ...wrapped(about, WIDTH),
    ...section(
      'Commands',
      nameTable(shown.map(([name, sub]) => [subcommandUsage(name, sub), sub.about])),
    ),
    ...section('Options', nameTable(rows)),
    ...lineSection('Examples', examples),
    ...exitCodeSection([
      ...command.exitCodes,
      [command.usageExitCode ?? USAGE_EXIT_CODE, 'wrong arguments'],
    ]),
  ].join('\n')
}

export const HELP_ROW: Row = ['--help', 'Print this help.']

export function optionRows(options: Options): Row[] {
  return Object.entries(options).map(([name, option]): Row => [
    `--${name}${placeholderOf(option)}`,
    optionText(option),
  ])
}

function usage({ call, subcommands, words = [] }: Command): string {
  const rest = [subcommands === undefined ? wordsText(words) : 'COMMAND', '[options]']
  return [call, ...rest].filter((part) => part !== '').join(' ')
}

function subcommandUsage(name: string, { words = [] }: Subcommand): string {
  return `${name} ${wordsText(words)}`.trimEnd()
}

function optionText(option: Option): string {
  const { about, otherwise, needs } = option
  const allowed = allowedText(option)
  const standard = otherwise ?? defaultText(option)
  return [
    about,
    ...(allowed === undefined ? [] : [`Allowed: ${allowed}.`]),
    ...(standard === undefined ? [] : [`Default: ${standard}.`]),
    ...(needs === undefined ? [] : [`Needs --${needs}.`]),
  ].join(' ')
}

function allowedText(value: Value): string | undefined {
  if (value.kind === 'text') return value.expected
  return expectation(value) || undefined
}

function defaultText(value: Value): string | undefined {
  if (value.kind === 'flag' || !('default' in value)) return undefined
  const { default: standard } = value
  if (value.kind === 'duration') return durationText(Number(standard))
  return Array.isArray(standard) ? standard.join(',') : String(standard)
}

function placeholderOf(value: Value): string {
  switch (value.kind) {
    case 'flag':
      return ''
    case 'text':
    case 'list':
      return ` ${value.placeholder}`
    case 'number':
      return ' N'
    case 'numbers':
      return ' N,N'
    case 'duration':
      return ' TIME'
    case 'seed':
      return ' SEED'
    case 'choice':
      return ' NAME'
    case 'names':
      return ' NAME,NAME'
    default:
      return value satisfies never
  }
}
