/**
 * `npm run soak` runs the tests that take minutes each, one after the other. They are not part of `npm test`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { command } from '../src/command-line/command.ts'
import { parseCommand } from '../src/command-line/parse-command.ts'
import { runCommand } from '../src/command-line/run-command.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const TEST_FILE = /\.test\.ts$/

const SOAK_COMMAND = command({
  name: 'soak',
  call: 'npm run soak --',
  about:
    'Runs the tests that take minutes each, one after the other: all of them, or those that are named.',
  words: [{ name: 'NAME', isRepeated: true, value: { kind: 'choice', names: testNames() } }],
  options: {},
  examples: ['npm run soak', 'npm run soak -- full-disk twin'],
  exitCodes: [
    [0, 'all tests passed'],
    [1, 'a test failed'],
  ],
})

const output = {
  print: (line: string): void => console.log(line),
  complain: (line: string): void => console.error(line),
}
const read = (): readonly string[] | undefined =>
  parseCommand(SOAK_COMMAND, process.argv.slice(2))?.words
process.exit(await runCommand(SOAK_COMMAND, output, read, runTests))

function testNames(): string[] {
  const files = readdirSync(new URL('../test/soak', import.meta.url))
  return files.filter((file) => TEST_FILE.test(file)).map((file) => file.replace(TEST_FILE, ''))
}

async function runTests(names: readonly string[]): Promise<number> {
  const args = [
    vitest,
    '--config',
    'test/vitest.config.ts',
    '--run',
    '--project',
    'soak',
    '--disableConsoleIntercept=true',
    ...names.map((name) => `test/soak/${name}.test.ts`),
  ]
  const vitestRun = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  // Forward signals. Otherwise the tests and their nodes would continue after this process has ended.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => vitestRun.kill('SIGINT'))
  const [code] = (await once(vitestRun, 'exit')) as [number | null]
  return code ?? 1
}
