/**
 * A check that finds no bug is no check: planted ones are found, within the seeds that they state. These are the bugs
 * with a seed that finds them soon (known-seeds.ts); `npm run sim -- --planted all` looks for all. If the seed finds its
 * bug no longer, because a change of the product or of the simulator has given it another story, every third bug is
 * looked for in the same way, which may take minutes; the others are skipped, with a word that says so.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { filesOf, spoil } from '../../../src/simulation/bugs/plant.ts'
import { PLANTED_BUGS } from '../../../src/simulation/bugs/planted-bugs.ts'
import type { PlantedBug } from '../../../src/simulation/bugs/planted-bug.ts'
import { RunPool } from '../../../src/simulation/run-pool.ts'
import type { WorkerAnswer } from '../../../src/simulation/run-worker.ts'
import { planDefaultsOf } from '../../../src/simulation/sim-arguments.ts'
import { findBug } from '../../../src/simulation/sim-command.ts'
import { KNOWN_SEEDS } from '../known-seeds.ts'

const isSearched = ({ name }: PlantedBug): boolean =>
  PLANTED_BUGS.findIndex((bug) => bug.name === name) % 3 === 0
const TRIED = PLANTED_BUGS.filter(({ name }) => name in KNOWN_SEEDS)

test('each planted bug has a name of its own, and a place in the source', () => {
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length)
  expect(PLANTED_BUGS.length).toBeGreaterThanOrEqual(12)
  for (const bug of PLANTED_BUGS) {
    for (const file of filesOf(bug)) {
      const source = readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8')
      expect(spoil(source, file, bug), bug.name).not.toBe(source)
    }
  }
})

test('seeds are known of planted bugs alone, and are among those that the bug states', () => {
  for (const [name, { seed }] of Object.entries(KNOWN_SEEDS)) {
    const bug = PLANTED_BUGS.find((planted) => planted.name === name)
    expect(bug, name).toBeDefined()
    expect(seed).toBeLessThanOrEqual((bug as PlantedBug).seeds)
  }
})

async function runKnownSeed(bug: PlantedBug): Promise<WorkerAnswer | undefined> {
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

async function search(bug: PlantedBug): Promise<WorkerAnswer | undefined> {
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

describe.concurrent('the planted bug is found', () => {
  test.for(TRIED)('$name: $what', async (bug, { skip }) => {
    const known = await runKnownSeed(bug)
    if (known === undefined && !isSearched(bug)) {
      skip(`its known seed finds it no longer: npm run sim -- --planted ${bug.name}`)
    }
    const found = known ?? (await search(bug))
    expect(found?.violation?.message).toEqual(expect.any(String))
  })
})
