/** Every known seed of a planted bug still finds it. */
import { expect, test } from 'vitest'
import { PLANTED_BUGS } from '../../src/simulation/bugs/planted-bugs.ts'
import { runKnownSeed, searchBug } from '../simulation/bugs/known-seed-runs.ts'
import { KNOWN_SEEDS } from '../simulation/known-seeds.ts'

test.each(PLANTED_BUGS.filter(({ name }) => name in KNOWN_SEEDS))('$name: $what', async (bug) => {
  const found = await runKnownSeed(bug)
  if (found === undefined) await searchBug(bug)
  expect(found?.violation?.message).toEqual(expect.any(String))
})
