/** The help of a program: its commands in groups, and what all of them share. */
import { USAGE_EXIT_CODE, wordsText } from './command.ts'
import { HELP_ROW, optionRows } from './help.ts'
import {
  columnOf,
  exitCodeSection,
  lineSection,
  nameTable,
  type Row,
  section,
  WIDTH,
  wrapped,
} from './help-page.ts'
import { type CommandGroup, isHandedOver, type Program } from './program.ts'

export function programHelp(program: Program): string {
  const { call, about, groups, options, examples, exitCodes } = program
  const tables = groups.map((group) => ({ title: group.title, rows: commandRows(group) }))
  // The texts of all groups begin in the same column.
  const column = columnOf(tables.flatMap(({ rows }) => rows))
  return [
    `Usage: ${call} COMMAND [options]`,
    '',
    ...wrapped(about, WIDTH),
    ...tables.flatMap(({ title, rows }) => section(title, nameTable(rows, column))),
    ...section('Options of most commands', nameTable([...optionRows(options), HELP_ROW])),
    ...lineSection('Examples', examples),
    ...exitCodeSection([...exitCodes, [USAGE_EXIT_CODE, 'wrong arguments']]),
    '',
    `${call} COMMAND --help tells more.`,
  ].join('\n')
}

function commandRows({ commands }: CommandGroup): Row[] {
  return Object.entries(commands).map(([name, command]): Row => {
    if (isHandedOver(command) || command.subcommands !== undefined) {
      return [`${name} …`, command.about]
    }
    return [`${name} ${wordsText(command.words ?? [])}`.trimEnd(), command.about]
  })
}
