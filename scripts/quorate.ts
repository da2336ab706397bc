/** `npx quorate` in a checkout: see src/cli. Some commands are scripts of this folder. */
import { fileURLToPath } from 'node:url'
import { start } from '../src/cli/start.ts'
import type { Command } from '../src/command-line/command.ts'

const SCRIPTS: Readonly<Record<string, () => Promise<unknown>>> = {
  up: () => import('./cluster.ts'),
  chaos: () => import('./chaos.ts'),
  check: () => import('./check.ts'),
  sim: () => import('./sim.ts'),
  bench: () => import('./bench.ts'),
}

await start(process.argv.slice(2), { handOver, tables })

async function handOver(name: string, argv: readonly string[]): Promise<number> {
  const [node = ''] = process.argv
  process.argv = [node, fileURLToPath(import.meta.url), ...argv]
  await SCRIPTS[name]?.()
  return Number(process.exitCode ?? 0)
}

/** Loaded only when a shell asks for them, because they take a second. */
async function tables(): Promise<Readonly<Record<string, Command>>> {
  const { CLUSTER_COMMAND } = await import('../src/local-cluster/cluster-arguments.ts')
  const { CHAOS_COMMAND } = await import('../src/chaos/chaos-arguments.ts')
  const { CHECK_COMMAND } = await import('../src/harness/check-arguments.ts')
  const { SIM_COMMAND } = await import('../src/simulation/sim-arguments.ts')
  const { BENCH_COMMAND } = await import('../src/bench/bench-arguments.ts')
  return {
    up: CLUSTER_COMMAND,
    chaos: CHAOS_COMMAND,
    check: CHECK_COMMAND,
    sim: SIM_COMMAND,
    bench: BENCH_COMMAND,
  }
}
