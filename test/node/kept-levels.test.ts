/**
 * The levels of consistency that real nodes keep on virtual time, while some of them are cut off or killed: each level
 * of the store keeps what the README promises for it, and weaker levels break what stronger ones keep.
 */
import { expect, test } from 'vitest'
import { ladderOf } from '../../src/checker/levels/ladder.ts'
import { type Level, LEVELS, SESSION_GUARANTEES } from '../../src/checker/levels/level.ts'
import { recordedHistory } from './recorded-clients.ts'

const SEEDS = ['1', '2']

/** The levels that one of the runs breaks. */
async function brokenIn(
  bucket: Parameters<typeof recordedHistory>[0]['bucket'],
  level: Parameters<typeof recordedHistory>[0]['level'],
): Promise<Set<Level>> {
  const broken = new Set<Level>()
  for (const seed of SEEDS) {
    const { rungs } = ladderOf(await recordedHistory({ seed, bucket, level }), undefined)
    for (const rung of rungs) if (rung.judgement.type === 'broken') broken.add(rung.level)
  }
  return broken
}

test('strong keeps every level', async () => {
  expect([...(await brokenIn('strong', 'strong'))]).toEqual([])
})

test('quorum keeps the session guarantees and loses no write', async () => {
  const broken = await brokenIn('latest', 'quorum')
  const promised: readonly Level[] = [...SESSION_GUARANTEES, 'no lost writes']
  expect(promised.filter((level) => broken.has(level))).toEqual([])
})

test('causal keeps causal order, and its siblings break the levels with one order', async () => {
  const broken = await brokenIn('default', 'causal')
  expect([...broken].filter((level) => LEVELS.indexOf(level) > 1)).toEqual([])
  expect([...broken]).toContain('sequential')
})

test('eventual breaks a session guarantee', async () => {
  const broken = await brokenIn('latest', 'eventual')
  expect([...broken]).toContain('linearizable')
  expect(SESSION_GUARANTEES.some((level) => broken.has(level))).toBe(true)
})
