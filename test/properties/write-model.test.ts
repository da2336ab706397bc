/** The write rules lose nothing that was acknowledged; without any one of them, they do. */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../core/seeded-random.ts'
import { type ModelFlaws, runWriteModel } from './write-model.ts'

const RUNS = 10_000
const STEPS = 60

function losses(flaws: ModelFlaws): { lossy: number; acknowledged: number } {
  let lossy = 0
  let acknowledged = 0
  for (let seed = 0; seed < RUNS; seed++) {
    const run = runWriteModel(seededRandom(seed), STEPS, flaws)
    if (run.lost.length > 0) lossy++
    acknowledged += run.acknowledged
  }
  return { lossy, acknowledged }
}

describe('write rules', () => {
  it('lose no acknowledged write in any of the runs', () => {
    const { lossy, acknowledged } = losses({})
    expect(lossy).toBe(0)
    expect(acknowledged).toBeGreaterThan(RUNS)
  })

  it('control: lose writes where a crashed owner mints on with its old actor', () => {
    expect(losses({ sameIncarnation: true }).lossy).toBeGreaterThan(0)
  })

  it('control: lose writes where a blind write covers what is newer than itself', () => {
    expect(losses({ coversNewer: true }).lossy).toBeGreaterThan(0)
  })
})
