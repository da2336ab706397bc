/** A command of the program: its table, and what it does. */
import type { Command, Options, Subcommand, Word } from '../../command-line/command.ts'
import type { Parsed } from '../../command-line/parse-command.ts'
import type { UnknownOutcome } from '../outcome/error-report.ts'
import type { World } from '../world.ts'

export const CALL = 'npx quorate'

export interface CliCommand<O extends Options = Options> {
  readonly table: Command<O>
  /** What an unknown outcome means. Undefined if the command writes a key at most. */
  readonly unknown: UnknownOutcome | undefined
  /**
   * Resolves with the exit code. Rejects with a UsageError, a RequestError, or an error of a stream; after Ctrl-C also
   * with the reason of the signal.
   */
  run(parsed: Parsed<O>, world: World): Promise<number>
}

/** The table without what follows from the name. */
export interface CliTable<O extends Options> {
  readonly about: string
  readonly words?: readonly Word[]
  readonly subcommands?: Readonly<Record<string, Subcommand>>
  readonly options: O
  /** Without the beginning `npx quorate`. */
  readonly examples?: readonly string[]
  readonly exitCodes: Command['exitCodes']
  readonly unknown?: UnknownOutcome
}

/** Keeps the literal types of the table, from which the types of the values follow. */
export function cliCommand<const O extends Options>(
  name: string,
  { examples = [], unknown, ...table }: CliTable<O>,
  run: (parsed: Parsed<O>, world: World) => Promise<number>,
): CliCommand<O> {
  return {
    table: {
      ...table,
      name: `quorate ${name}`,
      call: `${CALL} ${name}`,
      examples: examples.map((example) => `${CALL} ${example}`),
    },
    unknown,
    run,
  }
}
