/**
 * The levels of consistency that a simulated cluster keeps under faults of every kind: each level of the store keeps
 * what the README promises for it, and weaker ones break what stronger ones keep.
 */
import { describe, expect, test } from 'vitest'
import { type Ladder, ladderOf } from '../../src/checker/levels/ladder.ts'
import { ladderLines } from '../../src/checker/levels/ladder-words.ts'
import { type Judgement, type Level, SESSION_GUARANTEES } from '../../src/checker/levels/level.ts'
import { type Plan, PLAN_DEFAULTS } from '../../src/simulation/plan/plan.ts'
import { simulate } from '../../src/simulation/simulation.ts'
import { type RecordedLoad, recordedWork } from './recorded-work.ts'

const SEEDS = ['2', '3']
const SECONDS = 40
const KEYS = ['a', 'b', 'c']

async function ladderAfter(
  seed: string,
  load: Pick<RecordedLoad, 'bucket' | 'level'>,
): Promise<Ladder> {
  const plan: Plan = { ...PLAN_DEFAULTS, seed, seconds: SECONDS, workloads: [], clients: 6 }
  const { workload, events } = recordedWork({ ...load, keys: KEYS })
  const { violation } = await simulate(plan, undefined, [workload])
  expect(violation).toBeUndefined()
  expect(events.length).toBeGreaterThan(1000)
  return ladderOf(events, undefined)
}

/** The levels that are judged so. */
function levelsOf({ rungs }: Ladder, type: Judgement['type']): Level[] {
  return rungs.filter(({ judgement }) => judgement.type === type).map(({ level }) => level)
}

describe.each(SEEDS)('run %s', (seed) => {
  test('strong keeps every level', async () => {
    const ladder = await ladderAfter(seed, { bucket: 'strong', level: 'strong' })
    expect(levelsOf(ladder, 'holds').length, ladderLines(ladder).join('\n')).toBe(8)
  })

  test('quorum keeps the session guarantees and loses no write', async () => {
    const ladder = await ladderAfter(seed, { bucket: 'latest', level: 'quorum' })
    const promised = [...SESSION_GUARANTEES, 'no lost writes'] as const
    expect(levelsOf(ladder, 'holds'), ladderLines(ladder).join('\n')).toEqual(
      expect.arrayContaining([...promised]),
    )
  })

  test('causal keeps causal order and loses no write, and siblings contradict one order', async () => {
    const ladder = await ladderAfter(seed, { bucket: 'default', level: 'causal' })
    const kept = ['causal', ...SESSION_GUARANTEES, 'no lost writes'] as const
    expect(levelsOf(ladder, 'holds'), ladderLines(ladder).join('\n')).toEqual([...kept])
    expect(levelsOf(ladder, 'broken')).toEqual(['linearizable', 'sequential'])
  })

  test('eventual breaks a session guarantee, and so every level above', async () => {
    const ladder = await ladderAfter(seed, { bucket: 'latest', level: 'eventual' })
    const broken = levelsOf(ladder, 'broken')
    expect(broken).toEqual(expect.arrayContaining(['linearizable', 'sequential', 'causal']))
    expect(SESSION_GUARANTEES.some((level) => broken.includes(level))).toBe(true)
  })
})
