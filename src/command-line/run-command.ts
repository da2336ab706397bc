/** Runs a command: prints its help, or reports what is wrong with its arguments, or does its work. */
import { type Command, USAGE_EXIT_CODE } from './command.ts'
import { helpText } from './help.ts'
import { UsageError } from './usage-error.ts'

export interface CommandOutput {
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
}

/**
 * Resolves to the exit code. `read` returns the arguments, or undefined if help is asked for. If `run` throws UsageError,
 * the arguments are well formed, but what they name is not there; a hint at the help would not be of use then.
 */
export async function runCommand<A>(
  command: Command,
  { print, complain }: CommandOutput,
  read: () => A | undefined,
  run: (args: A) => Promise<number>,
): Promise<number> {
  const usage = (error: unknown): number => {
    if (!(error instanceof UsageError)) throw error
    complain(`${command.name}: ${error.message}`)
    return command.usageExitCode ?? USAGE_EXIT_CODE
  }
  let args: A | undefined
  try {
    args = read()
  } catch (error) {
    const code = usage(error)
    complain(`${command.name}: ${command.call} --help lists the options`)
    return code
  }
  if (args === undefined) {
    print(helpText(command))
    return 0
  }
  return run(args).catch(usage)
}
