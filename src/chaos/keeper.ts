/**
 * Starts a keeper: a separate process that ends a lease on time. It outlives the command and starts before the fault,
 * so that a fault always ends, even if the command is killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs `scripts/chaos.ts keep ID` detached from this process, its terminal and its process group. Resolves when it
 * runs. Rejects if it cannot start.
 */
export async function startKeeper(script: string, args: readonly string[]): Promise<void> {
  const keeper = spawn(process.execPath, [script, 'keep', ...args], {
    detached: true,
    stdio: 'ignore',
  })
  await once(keeper, 'spawn')
  keeper.unref()
}
