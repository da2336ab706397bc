/** What can be completed behind each command, from the table that its help is made of. */
import type { Command, Option } from '../../command-line/command.ts'
import { commandsOf, isHandedOver, type Program } from '../../command-line/program.ts'
import type { Value } from '../../command-line/value.ts'

export interface CompletionEntry {
  readonly name: string
  readonly about: string
  readonly options: readonly CompletedOption[]
  /** Words that may follow the name: subcommands, or the values of a word. */
  readonly words: readonly { readonly name: string; readonly about: string }[]
}

export interface CompletedOption {
  readonly name: string
  readonly about: string
  readonly takes: 'nothing' | 'names' | 'file' | 'text'
  /** For `names`. */
  readonly names: readonly string[]
}

/** The files of these placeholders exist already, or are written. */
const FILE_PLACEHOLDERS = ['FILE', 'DIR']

/** `scripts` are the tables of commands that are handed over. A command without a table completes its name alone. */
export function completionEntries(
  program: Program,
  scripts: Readonly<Record<string, Command>>,
): readonly CompletionEntry[] {
  return Object.entries(commandsOf(program)).map(([name, command]) => {
    const table = isHandedOver(command) ? scripts[name] : command
    return {
      name,
      about: firstSentence(command.about),
      options: Object.entries(table?.options ?? {}).map(([option, given]) =>
        optionOf(option, given),
      ),
      words: table === undefined ? [] : wordsOf(table),
    }
  })
}

function optionOf(name: string, option: Option): CompletedOption {
  const names = namesOf(option)
  const isFile = option.kind === 'text' && FILE_PLACEHOLDERS.includes(option.placeholder)
  const takes =
    option.kind === 'flag' ? 'nothing' : names.length > 0 ? 'names' : isFile ? 'file' : 'text'
  return { name, about: firstSentence(option.about), takes, names }
}

function wordsOf({ subcommands = {}, words = [] }: Command): CompletionEntry['words'] {
  const shown = Object.entries(subcommands).filter(([, { isHidden }]) => isHidden !== true)
  const [first] = words
  const values = first?.value === undefined ? [] : namesOf(first.value)
  return [
    ...shown.map(([name, { about }]) => ({ name, about: firstSentence(about) })),
    ...values.map((name) => ({ name, about: '' })),
  ]
}

function namesOf(value: Value): readonly string[] {
  return value.kind === 'choice' || value.kind === 'names' ? value.names : []
}

/** A line of a menu has no room for more. */
function firstSentence(text: string): string {
  return text.replace(/(?<=[a-z)])[.:] .*$/, '.').replace(/\.$/, '')
}
