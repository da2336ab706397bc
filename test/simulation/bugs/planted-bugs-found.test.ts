/**
 * A check that finds no bug is no check: planted ones are found. This tries every second bug of those with a seed that
 * finds it soon (known-seeds.ts). If the seed finds it no longer, because a change of the product or of the simulator has
 * given it another story, the bug is looked for with all seeds that it states, which may take a minute.
 * `npm run soak -- known-seeds` tries all known seeds, and `npm run sim -- --planted all` looks for all bugs.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesOf, spoil } from '../../../src/simulation/bugs/plant.ts'
import { PLANTED_BUGS } from '../../../src/simulation/bugs/planted-bugs.ts'
import type { PlantedBug } from '../../../src/simulation/bugs/planted-bug.ts'
import { KNOWN_SEEDS } from '../known-seeds.ts'
import { runKnownSeed, searchBug } from './known-seed-runs.ts'

const TRIED = PLANTED_BUGS.filter(({ name }) => name in KNOWN_SEEDS).filter((_, i) => i % 2 === 0)

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

describe.concurrent('the planted bug is found', () => {
  test.each(TRIED)('$name: $what', async (bug) => {
    const found = (await runKnownSeed(bug)) ?? (await searchBug(bug))
    expect(found?.violation?.message).toEqual(expect.any(String))
  })
})
