/** `npm run chaos`: see src/chaos/chaos-command.ts. */
import { fileURLToPath } from 'node:url'
import { chaosCommand } from '../src/chaos/chaos-command.ts'

process.exitCode = await chaosCommand(process.argv.slice(2), {
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  directory: fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, ''),
  script: fileURLToPath(import.meta.url),
})
