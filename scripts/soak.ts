/**
 * `npm run soak [-- NAME…]` runs the tests that take minutes each, one after the other. Names choose files of
 * test/soak. These tests are not part of `npm test`.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const names = process.argv.slice(2).map((name) => `test/soak/${name}`)
const args = [
  vitest,
  '--config',
  'test/vitest.config.ts',
  '--run',
  '--project',
  'soak',
  '--disableConsoleIntercept=true',
  ...names,
]
const vitestRun = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
// Forward signals. Otherwise the tests and their nodes would continue after this process has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => vitestRun.kill('SIGINT'))
vitestRun.once('exit', (code) => process.exit(code ?? 1))
