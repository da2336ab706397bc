/** The write rules lose nothing that was promised; without any one of them, they do. */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../core/seeded-random.ts'
import { type ModelFlaws, runWriteModel } from './write-model.ts'

const RUNS = 10_000
const STEPS = 80

describe('write rules', () => {
  it('lose no acknowledged write, and no value that a quorum read returned', () => {
    let promised = 0
    for (let seed = 0; seed < RUNS; seed++) {
      const run = runWriteModel(seededRandom(seed), STEPS)
      expect({ seed, lost: run.lost }).toEqual({ seed, lost: [] })
      promised += run.promised
    }
    expect(promised).toBeGreaterThan(RUNS)
  })

  const controls: [string, ModelFlaws][] = [
    ['a crashed owner mints on with its old actor', { sameIncarnation: true }],
    ['an owner mints on after a failed commit', { sameActorAfterFailedCommit: true }],
    ['a dot may be below what its client has seen', { mintsBelowContext: true }],
    ['a blind write covers what is newer than itself', { coversNewer: true }],
    ['a fallback does not build on what its actor has written', { forgetfulFallback: true }],
  ]
  it.each(controls)('control: are broken where %s', (_, flaws) => {
    let lost: readonly string[] = []
    for (let seed = 0; seed < RUNS && lost.length === 0; seed++) {
      lost = runWriteModel(seededRandom(seed), STEPS, flaws).lost
    }
    expect(lost).not.toEqual([])
  })
})
