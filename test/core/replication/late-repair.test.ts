/** The repair after the answer, while answers to the read itself are still on their way. */
import { expect, it } from 'vitest'
import { LateRepair } from '../../../src/core/replication/late-repair.ts'
import { ReadProtocol } from '../../../src/core/replication/read-protocol.ts'

/** A copy is the set of the writes that it contains, as bits. */
const RULES = {
  versionOf: (copy: number) => copy,
  isSame: (a: number, b: number) => a === b,
  merge: (a: number, b: number) => a | b,
  isAbsent: (copy: number) => copy === 0,
}
const OWNERS = ['o1', 'o2', 'o3', 'o4', 'o5']

it('replaces no damaged record while a majority of the owners is not in the merged copy', () => {
  const plan = { groups: [OWNERS], required: 2, sloppy: true, near: OWNERS, silent: [] }
  const read = new ReadProtocol<number, number>(plan, RULES)
  const ask = (type: 'ask-copy' | 'ask-version', owner: string) => ({ type, owner })
  expect(read.start().slice(0, 2)).toEqual([ask('ask-copy', 'o1'), ask('ask-version', 'o2')])
  expect(read.failed('o1', true)).toEqual([ask('ask-copy', 'o3')])
  expect(read.halfTime()).toEqual([{ type: 'ask-fallbacks' }])
  read.fallbacksAsked(1)
  read.found('o3', { version: 1, copy: 1 })
  expect(read.hinted(1)).toEqual([{ type: 'answer', copy: 1, got: 2 }])

  const late = new LateRepair('o1', read, RULES)
  expect(late.start()).toEqual([ask('ask-version', 'o4'), ask('ask-version', 'o5')])
  late.found('o4', { version: 1, copy: undefined })
  expect(late.found('o5', { version: 3, copy: undefined })).toEqual([ask('ask-copy', 'o5')])
  // The read asked this owner for its version only. A majority has answered now, but this owner's copy is not known.
  read.found('o2', { version: 4, copy: undefined })
  const repair = { type: 'repair', copy: 1, mayReplaceDamaged: false }
  expect(late.failed('o5')).toEqual([
    { ...repair, owner: 'o2' },
    { ...repair, owner: 'o1' },
  ])
})
