/** `completion`: the script with which a shell completes the command. */
import type { Program } from '../../command-line/program.ts'
import { completionEntries } from '../completion/completion-entry.ts'
import { completionScript, type Shell, SHELLS } from '../completion/shell-script.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { writeLines } from '../../terminal/sink.ts'
import { cliCommand, type CliCommand } from './cli-command.ts'

/** The program is a function, because this command is a part of it. */
export function completionCommand(program: () => Program): CliCommand {
  return cliCommand(
    'completion',
    {
      about:
        'Prints the script with which a shell completes the command quorate. Load it in the start file of the shell: ' +
        'source <(npx quorate completion bash). If you type npx quorate, say first: alias quorate="npx quorate".',
      words: [{ name: 'SHELL', value: { kind: 'choice', names: SHELLS } }],
      options: {},
      examples: ['completion bash', 'completion fish > ~/.config/fish/completions/quorate.fish'],
      exitCodes: exitCodes(0),
    },
    async ({ words: [shell = ''] }, { out, scriptTables }) => {
      const entries = completionEntries(program(), await scriptTables())
      await writeLines(out, [completionScript(shell as Shell, entries)])
      return EXIT.ok
    },
  )
}
