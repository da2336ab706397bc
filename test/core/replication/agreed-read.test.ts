/** Every way in which three owners can answer the read of a strong key, in every order. */
import { describe, expect, it } from 'vitest'
import {
  type Accepted,
  AgreedRead,
  type AgreedReadEffect,
} from '../../../src/core/replication/agreed-read.ts'

const OWNERS = ['o1', 'o2', 'o3']
const NEXT = ['o2', 'o3', 'o4']

/** What an owner tells; undefined if it does not answer. */
type Told = Omit<Accepted<string>, 'copy'> | undefined

const TOLD: readonly Told[] = [1, 2].flatMap((counter) =>
  [true, false].map((isUncontested) => ({ ballot: { counter, node: 'p' }, isUncontested })),
)
const EVERY_TOLD: readonly Told[] = [...TOLD, undefined]

function play(
  groups: readonly (readonly string[])[],
  owners: readonly string[],
  answers: ReadonlyMap<string, Told>,
  order: readonly string[],
): readonly AgreedReadEffect<string>[] {
  const read = new AgreedRead<string>(groups, 2, owners)
  const effects = [...read.start()]
  const wantsCopy = new Set(
    effects.flatMap((one) => (one.type === 'ask' && one.wantsCopy ? [one.owner] : [])),
  )
  for (const owner of order) {
    const told = answers.get(owner)
    const copy = wantsCopy.has(owner) ? `copy of ${told?.ballot.counter}` : undefined
    effects.push(...(told === undefined ? read.failed() : read.told(owner, { ...told, copy })))
  }
  effects.push(...read.expire())
  return effects
}

describe('a read of a strong key', () => {
  it.each([
    ['of three owners', [OWNERS], OWNERS],
    ['of a key that moves', [OWNERS, NEXT], ['o1', 'o2', 'o3', 'o4']],
  ])('agrees only on what a majority of each group has accepted: %s', (_, groups, owners) => {
    let agreed = 0
    for (const told of tuples(EVERY_TOLD, owners.length)) {
      const answers = new Map(owners.map((owner, i) => [owner, told[i]]))
      for (const order of permutations(owners)) {
        const effects = play(groups, owners, answers, order)
        const ends = effects.filter(({ type }) => type === 'agreed' || type === 'undecided')
        expect(ends).toHaveLength(1)
        const [end] = ends
        if (end?.type !== 'agreed') continue
        agreed++
        for (const group of groups) {
          const holders = group.filter((owner) => {
            const one = answers.get(owner)
            return one?.isUncontested === true && `copy of ${one.ballot.counter}` === end.copy
          })
          expect(holders.length).toBeGreaterThanOrEqual(2)
        }
      }
    }
    expect(agreed).toBeGreaterThan(50)
  })

  it('asks nobody if too few owners are in reach', () => {
    expect(play([OWNERS], ['o1'], new Map(), [])).toEqual([{ type: 'undecided' }])
  })

  it('waits a short time for the others once a majority differs', () => {
    const [one, , two] = TOLD
    const answers = new Map([
      ['o1', one],
      ['o2', two],
    ])
    const types = play([OWNERS], OWNERS, answers, ['o1', 'o2']).map(({ type }) => type)
    expect(types).toEqual(['ask', 'ask', 'ask', 'be-patient', 'undecided'])
  })
})

function tuples<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  if (size === 0) return [[]]
  return tuples(items, size - 1).flatMap((rest) => items.map((item) => [...rest, item]))
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
  )
}
