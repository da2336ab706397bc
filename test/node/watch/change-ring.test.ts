/** The ring keeps the latest changes, and tells from where on it has all of them. */
import { expect, it } from 'vitest'
import type { DataName } from '../../../src/node/storage/storage-keys.ts'
import { ChangeRing } from '../../../src/node/watch/change-ring.ts'

function named(key: string): DataName {
  return { partition: 0, bucket: 'b', key, name: `b/${key}` }
}

it('keeps as many changes as it may, in order', () => {
  const ring = new ChangeRing(3)
  expect([ring.begin, ring.end]).toEqual([0, 0])
  for (let i = 1; i <= 20_000; i++) ring.push(named(String(i)))
  expect([ring.begin, ring.end]).toEqual([19_997, 20_000])
  expect([19_998, 19_999, 20_000].map((at) => ring.at(at).key)).toEqual(['19998', '19999', '20000'])
  expect(() => ring.at(19_997)).toThrow('not forgotten')
})

it('goes on counting when it is cleared', () => {
  const ring = new ChangeRing(3)
  ring.push(named('a'))
  ring.clear()
  expect([ring.begin, ring.end]).toEqual([1, 1])
  ring.push(named('b'))
  expect(ring.at(2).key).toBe('b')
})

it('forgets the oldest changes when their names are long', () => {
  const ring = new ChangeRing()
  for (let i = 0; i < 10_000; i++) ring.push(named('k'.repeat(1024)))
  expect(ring.end).toBe(10_000)
  expect(ring.end - ring.begin).toBeLessThan(8200)
})
