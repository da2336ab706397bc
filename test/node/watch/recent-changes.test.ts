/** The latest changes are kept in order, with the place from which on all of them are there. */
import { expect, it } from 'vitest'
import type { DataName } from '../../../src/node/storage/storage-keys.ts'
import { RecentChanges } from '../../../src/node/watch/recent-changes.ts'

function named(key: string): DataName {
  return { partition: 0, bucket: 'b', key, name: `b/${key}` }
}

it('keeps as many changes as it may, in order', () => {
  const changes = new RecentChanges(3)
  expect([changes.begin, changes.end]).toEqual([0, 0])
  for (let i = 1; i <= 20_000; i++) changes.push(named(String(i)))
  expect([changes.begin, changes.end]).toEqual([19_997, 20_000])
  expect([19_998, 19_999, 20_000].map((at) => changes.at(at).key)).toEqual([
    '19998',
    '19999',
    '20000',
  ])
  expect(() => changes.at(19_997)).toThrow('not forgotten')
})

it('goes on counting when it is cleared', () => {
  const changes = new RecentChanges(3)
  changes.push(named('a'))
  changes.clear()
  expect([changes.begin, changes.end]).toEqual([1, 1])
  changes.push(named('b'))
  expect(changes.at(2).key).toBe('b')
})

it('forgets the oldest changes when their names are long', () => {
  const changes = new RecentChanges()
  for (let i = 0; i < 10_000; i++) changes.push(named('k'.repeat(1024)))
  expect(changes.end).toBe(10_000)
  expect(changes.end - changes.begin).toBeLessThan(8200)
})
