import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Memo } from '../../../src/checker/linear/memo.ts'

test('a memo has what was added, and nothing else, through all growth', () => {
  const rows = fc.array(fc.tuple(fc.integer(), fc.integer({ min: 0, max: 3 })), { maxLength: 2000 })
  fc.assert(
    fc.property(rows, rows, (added, others) => {
      const memo = new Memo(2, 1e6)
      const names = new Set<string>()
      for (const row of added) {
        expect(memo.add(Int32Array.from(row))).toBe(true)
        names.add(row.join())
      }
      expect(memo.size).toBe(names.size)
      for (const row of [...added, ...others]) {
        expect(memo.has(Int32Array.from(row))).toBe(names.has(row.join()))
      }
    }),
    { numRuns: 50 },
  )
})

test('a memo says when it has no room left', () => {
  const memo = new Memo(1, 5 * 1024)
  let added = 0
  while (memo.add(Int32Array.of(added))) added++
  expect(added).toBeGreaterThan(400)
  expect(added).toBeLessThan(1024)
  for (let i = 0; i < added; i++) expect(memo.has(Int32Array.of(i))).toBe(true)
})
