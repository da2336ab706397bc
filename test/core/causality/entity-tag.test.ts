/** Entity tags follow the siblings' dots. */
import { expect, test } from 'vitest'
import { entityTag, namesTag, parseTags } from '../../../src/core/causality/entity-tag.ts'

const A = { actor: 'n1~a', timestamp: 1 }
const B = { actor: 'n2~a', timestamp: 1 }

test('entity tag: is quoted, and differs with the dots', () => {
  const tags = [[A], [B], [A, B], [{ ...A, timestamp: 2 }]].map(entityTag)
  for (const tag of tags) expect(tag).toMatch(/^"[0-9a-f]{16}"$/)
  expect(new Set(tags).size).toBe(tags.length)
  expect(entityTag([{ ...A }])).toBe(tags[0])
})

test.each([
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  [', ,"b",, "a",', true],
  ['"b,", "a"', true],
  ['"b" "a"', false],
  [',', false],
  ['*', true],
  ['"b"', false],
  ['a', false],
  ['', false],
  ['"a', false],
])('entity tag: If-None-Match: %s names "a": %s', (header, named) => {
  expect(namesTag(header, '"a"')).toBe(named)
})

test.each([
  [',"a"', ['"a"']],
  ['"a", , W/"b" ,', ['"a"', 'W/"b"']],
  ['"a,b"', ['"a,b"']],
  [' * ', '*'],
  ['', undefined],
  [' , ,', undefined],
  ['"a" "b"', undefined],
  ['"a", b', undefined],
  ['"a", *', undefined],
  [Array.from({ length: 16 }, (_, i) => `"${i}"`).join(), expect.any(Array)],
  [Array.from({ length: 17 }, (_, i) => `"${i}"`).join(), undefined],
])('entity tag: reads the list %j, in which empty elements count for nothing', (header, tags) => {
  expect(parseTags(header)).toEqual(tags)
})

test('entity tag: a long run of spaces is no work', () => {
  expect(parseTags(`"a"${' '.repeat(60_000)}b`)).toBeUndefined()
})
