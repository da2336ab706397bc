/** The help of a command, made from its table. */
import {
  type Command,
  type Option,
  type Subcommand,
  USAGE_EXIT_CODE,
  wordsText,
} from './command.ts'
import { durationText } from './duration.ts'
import { expectation, type Value } from './value.ts'

const WIDTH = 100
const INDENT = 2
const GAP = 2
/** A longer name gets a line of its own. */
const NAME_WIDTH_MAX = 22

export function helpText(command: Command): string {
  const { about, examples = [], subcommands = {} } = command
  const shown = Object.entries(subcommands).filter(([, { isHidden }]) => isHidden !== true)
  const options = Object.entries(command.options)
  const rows: Row[] = [
    ...options.map(([name, option]): Row => [
      `--${name}${placeholderOf(option)}`,
      optionText(option),
    ]),
    ['--help', 'Print this help.'],
  ]
  const codes = [
    ...command.exitCodes,
    [command.usageExitCode ?? USAGE_EXIT_CODE, 'wrong arguments'] as const,
  ].sort(([a], [b]) => a - b)
  return [
    `Usage: ${usage(command)}`,
    '',
    ...wrapped(about, WIDTH),
    ...section(
      'Commands',
      table(shown.map(([name, sub]) => [subcommandUsage(name, sub), sub.about])),
    ),
    ...section('Options', table(rows)),
    ...section(
      'Examples',
      examples.map((line) => `${' '.repeat(INDENT)}${line}`),
    ),
    ...section('Exit codes', table(codes.map(([code, meaning]) => [String(code), meaning]))),
  ].join('\n')
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

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines]
}

type Row = readonly [name: string, text: string]

function table(rows: readonly Row[]): string[] {
  const widths = rows.map(([name]) => name.length).filter((width) => width <= NAME_WIDTH_MAX)
  const column = INDENT + Math.max(0, ...widths) + GAP
  return rows.flatMap(([name, text]) => {
    const [first = '', ...rest] = wrapped(text, WIDTH - column)
    const head = `${' '.repeat(INDENT)}${name}`
    const margin = ' '.repeat(column)
    const beginning =
      head.length + GAP <= column ? [`${head.padEnd(column)}${first}`] : [head, `${margin}${first}`]
    return [...beginning, ...rest.map((line) => `${margin}${line}`)]
  })
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
