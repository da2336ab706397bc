/** A watch never misses the last state of a key in silence, whatever happens to the owners. Each rule is needed. */
import { describe, expect, it } from 'vitest'
import { firstPosition, Following } from '../../../src/core/watch/following.ts'
import { seededRandom } from '../seeded-random.ts'
import { type Broken, WatchedWorld } from './watched-world.ts'

const STEPS = 150

/** The seed of the first run in which something was missed; undefined if there is none. */
function holeIn(runs: number, broken?: Broken): number | undefined {
  for (let seed = 1; seed <= runs; seed++) {
    const world = new WatchedWorld(seededRandom(seed), broken)
    for (let step = 0; step < STEPS; step++) world.step()
    world.settle()
    if (world.missed().length > 0) return seed
  }
  return undefined
}

it('tells the last state of every key, or that it begins again', () => {
  expect(holeIn(400)).toBeUndefined()
})

it('seldom begins again', () => {
  let resets = 0
  for (let seed = 1; seed <= 100; seed++) {
    const world = new WatchedWorld(seededRandom(seed))
    for (let step = 0; step < STEPS; step++) world.step()
    resets += world.resets
  }
  expect(resets).toBeLessThan(100)
})

describe('misses something without the rule', () => {
  const broken: readonly Broken[] = [
    'marks without settling',
    'settled in the middle',
    'deaf to gone',
    'deaf to lives',
    'jumps',
    'forgets what it held back',
  ]
  it.each(broken)('%s', (rule) => {
    expect(holeIn(400, rule)).toBeDefined()
  })
})

describe('a position', () => {
  const at = (node: string, sequence: number) => ({ node, life: 1, sequence })
  const isNeverOut = () => false

  it('begins in the log of the first sampled owner', () => {
    const first = firstPosition([at('b', 5), at('a', 7)], [0, 1], (partition) =>
      partition === 0 ? ['a', 'b'] : ['a', 'c'],
    )
    expect(first).toEqual({
      feeds: [
        { ...at('b', 5), partitions: [0] },
        { ...at('a', 7), partitions: [1] },
      ],
      marks: [at('b', 5), at('a', 7)],
    })
  })

  it('does not begin where no owner was sampled', () => {
    expect(firstPosition([at('a', 7)], [0, 1], (p) => (p === 0 ? ['a'] : ['b']))).toEqual({
      hidden: [1],
    })
  })

  it('waits for an owner that is out, and is lost without any', () => {
    const following = new Following({ feeds: [], marks: [at('a', 1)] }, [0])
    const of = (): string[] => ['a', 'b']
    expect(following.place({ of, isOut: () => true })).toBe('placed')
    expect([...following.waiting]).toEqual([0])
    expect(following.place({ of: () => ['b'], isOut: isNeverOut })).toBe('lost')
    expect(following.place({ of, isOut: isNeverOut })).toBe('placed')
    expect(following.next('a')).toMatchObject({ sequence: 1, partitions: [0] })
  })

  it('stays where it is for what could not be told, and goes on with the rest', () => {
    const following = new Following(
      { feeds: [{ ...at('a', 4), partitions: [0, 1, 2] }], marks: [] },
      [0, 1, 2],
    )
    const ask = following.next('a')
    expect(following.next('a', true)).toBeUndefined()
    if (ask === undefined) throw new Error('no ask')
    const read = { life: 1, sequence: 9, isEnd: true, settled: 5 }
    expect(following.took(ask, read, new Set([1, 2]))).toBe(true)
    expect(following.held).toEqual([1, 2])
    expect(following.next('a')).toMatchObject({ sequence: 9, partitions: [0] })
    expect(following.settled()).toBe(0)
    const again = following.next('a', true)
    expect(again).toMatchObject({ sequence: 4, until: 9, partitions: [1, 2] })
    if (again === undefined) throw new Error('no ask')
    following.took(again, { ...read, isEnd: false }, new Set([2]))
    expect(following.held).toEqual([2])
    expect(following.position().feeds).toEqual([
      { ...at('a', 9), partitions: [0, 1] },
      { ...at('a', 4), partitions: [2] },
    ])
  })

  it('reads a part up to the feed that is ahead, and joins it there', () => {
    const following = new Following(
      {
        feeds: [
          { ...at('a', 9), partitions: [0] },
          { ...at('a', 4), partitions: [1] },
        ],
        marks: [],
      },
      [0, 1],
    )
    const ask = following.next('a')
    expect(ask).toMatchObject({ sequence: 4, until: 9, partitions: [1] })
    if (ask === undefined) return
    expect(following.took(ask, { life: 1, sequence: 9, isEnd: false, settled: 0 })).toBe(true)
    expect(following.took(ask, { life: 1, sequence: 9, isEnd: false, settled: 0 })).toBe(false)
    expect(following.position().feeds).toEqual([{ ...at('a', 9), partitions: [0, 1] }])
  })
})
