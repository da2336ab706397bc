/**
 * A check that finds no bug is no check: each planted one is found, within the seeds that it states. Here a third of them
 * is looked for, for all take minutes: `npm run sim -- --planted all`.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { filesOf, spoil } from '../../src/simulation/plant.ts'
import { PLANTED_BUGS } from '../../src/simulation/planted-bugs.ts'
import { RunPool } from '../../src/simulation/run-pool.ts'
import { findBug } from '../../src/simulation/sim-command.ts'

const TIMEOUT_MS = 300_000
/** Of all kinds, for bugs of one kind stand beside each other. */
const SEARCHED = PLANTED_BUGS.filter((_, i) => i % 3 === 0)

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

test.each(SEARCHED)('is found: $what', { timeout: TIMEOUT_MS }, async (bug) => {
  const pool = new RunPool(availableParallelism(), bug.name)
  try {
    const found = await findBug(pool, bug)
    expect(found?.violation?.message).toEqual(expect.any(String))
  } finally {
    await pool.close()
  }
})
