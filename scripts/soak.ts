/**
 * `npm run soak [-- NAME…]`: the tests that take minutes each, one after the other; names choose files of test/soak.
 * They are no part of `npm test`.
 */
import { spawnSync } from 'node:child_process'
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
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
