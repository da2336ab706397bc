/** `npx quorate` in a checkout: see src/cli. Some commands are scripts of this folder. */
import { fileURLToPath } from 'node:url'
import { start } from '../src/cli/start.ts'

const SCRIPTS: Readonly<Record<string, () => Promise<unknown>>> = {
  up: () => import('./cluster.ts'),
  chaos: () => import('./chaos.ts'),
  check: () => import('./check.ts'),
  sim: () => import('./sim.ts'),
  bench: () => import('./bench.ts'),
}

await start(process.argv.slice(2), async (name, argv) => {
  const [node = ''] = process.argv
  process.argv = [node, fileURLToPath(import.meta.url), ...argv]
  await SCRIPTS[name]?.()
  return Number(process.exitCode ?? 0)
})
