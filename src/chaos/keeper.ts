/**
 * Ends a lease when its time has come, in a process of its own that outlives the command: started before the
 * fault is, so that nothing which happens to the command can leave a fault without an end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs `scripts/chaos.ts keep ID` apart from this process, its terminal and its process group. Resolves once
 * it runs, rejects where it cannot.
 */
export async function startKeeper(script: string, args: readonly string[]): Promise<void> {
  const keeper = spawn(process.execPath, [script, 'keep', ...args], {
    detached: true,
    stdio: 'ignore',
  })
  await once(keeper, 'spawn')
  keeper.unref()
}
