/** The state of a key at a cut follows from the copies of its owners and the hints, in whatever order they come. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stateAtCut } from '../../../src/core/backup/state-at-cut.ts'
import {
  ABSENT,
  equalObjects,
  type MergeMode,
  merge,
  type StoredObject,
  write,
} from '../../../src/core/causality/stored-object.ts'

const RUNS = { numRuns: 500, seed: 20_261_130 }
const CONTENT = { value: new Uint8Array(1), contentType: '', tombstone: false, expiresAtMs: 0 }

/** A history of blind writes at three copies, with merges between them. Returns every copy that ever was. */
function copiesOf(mode: MergeMode, steps: readonly [number, number][]): StoredObject[] {
  const copies = [ABSENT, ABSENT, ABSENT]
  const all: StoredObject[] = [ABSENT]
  steps.forEach(([at, from], i) => {
    const own = copies[at] as StoredObject
    const next =
      at === from
        ? write(mode, own, { actor: `n${at}`, timestamp: i + 1 }, CONTENT, undefined)
        : merge(mode, own, copies[from] as StoredObject)
    copies[at] = next
    all.push(next)
  })
  return all
}

const place = fc.integer({ min: 0, max: 2 })
const histories = fc.record({
  mode: fc.constantFrom<MergeMode>('siblings', 'lww'),
  steps: fc.array(fc.tuple(place, place), { maxLength: 12 }),
  held: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
  hinted: fc.array(fc.nat(), { maxLength: 3 }),
})

const dotsOf = ({ siblings }: StoredObject): string[] =>
  siblings.map(({ actor, timestamp }) => `${actor} ${timestamp}`)

test('state at a cut: does not depend on the order of the copies', () => {
  fc.assert(
    fc.property(histories, fc.nat({ max: 12 }), (history, horizon) => {
      const all = copiesOf(history.mode, history.steps)
      const [held, hinted] = [history.held, history.hinted].map((some) =>
        some.map((i) => all[i % all.length] as StoredObject),
      ) as [StoredObject[], StoredObject[]]
      const one = stateAtCut(history.mode, held, hinted, horizon)
      const other = stateAtCut(history.mode, held.toReversed(), hinted.toReversed(), horizon)
      expect(equalObjects(one, other)).toBe(true)
    }),
    RUNS,
  )
})

test('state at a cut: of a hint, has what an owner holds or what is above the horizon, and no more', () => {
  fc.assert(
    fc.property(histories, fc.nat({ max: 12 }), (history, horizon) => {
      const all = copiesOf(history.mode, history.steps)
      const pick = (some: readonly number[]): StoredObject[] =>
        some.map((i) => all[i % all.length] as StoredObject)
      const held = pick(history.held)
      const owned = held.reduce((a, b) => merge(history.mode, a, b), ABSENT)
      const known = new Set(dotsOf(owned))
      const state = stateAtCut(history.mode, held, pick(history.hinted), horizon)
      for (const { actor, timestamp } of state.siblings) {
        expect(timestamp > horizon || known.has(`${actor} ${timestamp}`)).toBe(true)
      }
      if (history.hinted.length === 0) expect(equalObjects(state, owned)).toBe(true)
    }),
    RUNS,
  )
})

test('state at a cut: an old value in a hint does not return, and the write of the hint does', () => {
  const old = write('siblings', ABSENT, { actor: 'a', timestamp: 5 }, CONTENT, undefined)
  const both = merge(
    'siblings',
    old,
    write('siblings', ABSENT, { actor: 'b', timestamp: 100 }, CONTENT, undefined),
  )
  // The owners have deleted and forgotten the write of `a`.
  expect(dotsOf(stateAtCut('siblings', [ABSENT], [both], 50))).toEqual(['b 100'])
  expect(dotsOf(stateAtCut('siblings', [ABSENT], [both], 4))).toEqual(['a 5', 'b 100'])
})

test('state at a cut: a strong key has the newest proposal of any owner', () => {
  const proposal = (counter: number): StoredObject => ({
    vector: write('siblings', ABSENT, { actor: 'n', timestamp: counter }, CONTENT, undefined)
      .vector,
    siblings: [{ ...CONTENT, actor: 'n', timestamp: counter }],
  })
  const state = stateAtCut('strong', [proposal(3), ABSENT, proposal(9)], [], 0)
  expect(dotsOf(state)).toEqual(['n 9'])
})
