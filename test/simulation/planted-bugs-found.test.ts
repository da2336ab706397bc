/**
 * A check that finds no bug is no check: planted ones are found, within the seeds that they state. A seed that has found
 * a bug before is tried first. Where that seed finds it no longer, because a change of the product or of the simulator
 * has given it another story, the bug is looked for as `npm run sim -- --planted all` does.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { filesOf, spoil } from '../../src/simulation/plant.ts'
import { PLANTED_BUGS, type PlantedBug } from '../../src/simulation/planted-bugs.ts'
import { RunPool } from '../../src/simulation/run-pool.ts'
import type { WorkerAnswer } from '../../src/simulation/run-worker.ts'
import { planDefaultsOf } from '../../src/simulation/sim-arguments.ts'
import { findBug } from '../../src/simulation/sim-command.ts'
import { KNOWN_SEEDS } from './known-seeds.ts'

/** To look for a bug of which no seed is known takes minutes where it is rare: that is done for every third of them. */
const TRIED = PLANTED_BUGS.filter(({ name }, i) => name in KNOWN_SEEDS || i % 3 === 0)

test('each planted bug has a name of its own, and a place in the source', () => {
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length)
  expect(PLANTED_BUGS.length).toBeGreaterThanOrEqual(12)
  for (const bug of PLANTED_BUGS) {
    for (const file of filesOf(bug)) {
      const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
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
  test.each(TRIED)('$name: $what', async (bug) => {
    const found = (await runKnownSeed(bug)) ?? (await search(bug))
    expect(found?.violation?.message).toEqual(expect.any(String))
  })
})
