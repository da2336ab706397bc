/** Runs of planted bugs, with the seed that is known to find each. */
import { availableParallelism } from 'node:os'
import type { PlantedBug } from '../../../src/simulation/bugs/planted-bug.ts'
import { RunPool } from '../../../src/simulation/run-pool.ts'
import type { WorkerAnswer } from '../../../src/simulation/run-worker.ts'
import { planDefaultsOf } from '../../../src/simulation/sim-arguments.ts'
import { findBug } from '../../../src/simulation/sim-command.ts'
import { KNOWN_SEEDS } from '../known-seeds.ts'

/** What its known seed finds; undefined if that is nothing. */
export async function runKnownSeed(bug: PlantedBug): Promise<WorkerAnswer | undefined> {
  const known = KNOWN_SEEDS[bug.name]
  if (known === undefined) return undefined
  const pool = new RunPool(1, bug.name)
  try {
    const answer = await pool.run({ ...planDefaultsOf(bug), ...known, seed: String(known.seed) })
    return answer.violation && answer
  } finally {
    await pool.close()
  }
}

/** Looks for the bug with the seeds that it states, and prints the new line for known-seeds.ts. */
export async function searchBug(bug: PlantedBug): Promise<WorkerAnswer | undefined> {
  const pool = new RunPool(availableParallelism(), bug.name)
  try {
    const found = await findBug(pool, bug)
    if (found !== undefined) {
      console.warn(`known-seeds.ts is out of date: '${bug.name}': { seed: ${found.plan.seed} },`)
    }
    return found
  } finally {
    await pool.close()
  }
}
