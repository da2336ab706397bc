/**
 * Runs one command line: prints help, or says what is wrong with the arguments, or does the work. Every error becomes an
 * exit code here.
 */
import { RequestError, UnknownOutcomeError } from '../client/quorate.ts'
import { parseCommand } from '../command-line/parse-command.ts'
import { programHelp } from '../command-line/program-help.ts'
import { readProgramLine } from '../command-line/program.ts'
import { runCommand } from '../command-line/run-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
import type { CliCommand } from './commands/cli-command.ts'
import { errorJson, errorLines } from './outcome/error-report.ts'
import { EXIT, exitCodeOf } from './outcome/exit-code.ts'
import { COMMANDS, PROGRAM } from './program.ts'
import { tokenOf } from './store/store-options.ts'
import { fetchOf } from './store/tls-options.ts'
import { writeJson, writeLines } from '../terminal/sink.ts'
import type { World } from './world.ts'

export interface CliWorld extends World {
  readonly version: string
  /** Runs a script of the checkout. Undefined if there is no checkout. */
  readonly handOver: ((name: string, argv: readonly string[]) => Promise<number>) | undefined
}

/** Resolves with the exit code. */
export async function runProgram(argv: readonly string[], world: CliWorld): Promise<number> {
  if (argv[0] === '--version') {
    await writeLines(world.out, [`quorate ${world.version}`])
    return EXIT.ok
  }
  let line
  try {
    line = readProgramLine(PROGRAM, argv)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const { name, call } = PROGRAM
    await writeLines(world.err, [
      `${name}: ${error.message}`,
      `${name}: ${call} --help lists the commands`,
    ])
    return EXIT.usage
  }
  if (line.name === undefined) {
    await writeLines(world.out, [programHelp(PROGRAM)])
    return EXIT.ok
  }
  const command = COMMANDS[line.name]
  if (command !== undefined) return run(command, line.argv, world)
  if (world.handOver !== undefined) return world.handOver(line.name, line.argv)
  await writeLines(world.err, [
    `quorate ${line.name}: needs a checkout of Quorate, and this is the installed package`,
  ])
  return EXIT.error
}

async function run(command: CliCommand, argv: readonly string[], world: CliWorld): Promise<number> {
  const { table } = command
  const printed: string[] = []
  const complained: string[] = []
  const output = {
    print: (line: string): void => void printed.push(line),
    complain: (line: string): void => void complained.push(line),
  }
  const read = (): ReturnType<typeof parseCommand> => parseCommand(table, argv)
  const code = await runCommand(table, output, read, async (parsed) => {
    try {
      const token = await tokenOf(parsed.values['token-file'], world)
      const fetch = 'ca' in table.options ? await fetchOf(parsed.values, world) : undefined
      return await command.run(parsed, { ...world, token, fetch })
    } catch (error) {
      return explain(error, command, parsed.values['json'] === true, world)
    }
  })
  await writeLines(world.out, printed)
  await writeLines(world.err, complained)
  return code
}

/** Resolves with the exit code of a failed command. Throws what only the caller can explain. */
async function explain(
  error: unknown,
  { table: { name }, unknown }: CliCommand,
  isJson: boolean,
  { err, stop }: World,
): Promise<number> {
  if (error instanceof UsageError || isUnread(error)) throw error
  // Ctrl-C ends a write under way with an unknown outcome, and the user must know that.
  if (stop.aborted && !(error instanceof UnknownOutcomeError)) return EXIT.interrupted
  if (!(error instanceof RequestError)) {
    await writeLines(err, [`${name}: ${wordsOf(error)}`])
    return EXIT.error
  }
  if (isJson) await writeJson(err, errorJson(error, unknown))
  else await writeLines(err, errorLines(name, error, unknown))
  return stop.aborted ? EXIT.interrupted : exitCodeOf(error)
}

/** Whether the reader of the output has gone, such as `head` after its last line. */
export function isUnread(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A system error explains itself. Anything else is a bug of this program, and its place helps to find it.
  return 'code' in error || error.name === 'FormatError'
    ? error.message
    : (error.stack ?? error.message)
}
