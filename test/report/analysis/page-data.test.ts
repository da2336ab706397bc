import { expect, test } from 'vitest'
import { pageDataOf } from '../../../src/report/analysis/page-data.ts'
import { invokedAt, MadeUpHistory, staleRead, staleVerdict } from '../made-up-run.ts'

test('operations stand in columns, with tables for what repeats', () => {
  const history = staleRead()
  const { operations, clients, keys, nodes, deeds, errors } = pageDataOf(
    staleVerdict(history),
    history,
  )

  expect({ clients, keys, nodes, deeds, errors }).toEqual({
    clients: ['client 1', 'client 2', 'client 3', 'client 4', 'client 5'],
    keys: ['k1', 'k2'],
    nodes: ['n1', 'n2', 'n3'],
    deeds: ['read', 'write'],
    errors: ['no quorum', 'timeout'],
  })
  const lengths = Object.values(operations).map((column) => column.length)
  expect(new Set(lengths)).toEqual(new Set([9]))
  expect(operations.at.slice(0, 3)).toEqual([100_000, 150_000, 400_000])
  expect(operations.outcome).toEqual([0, 0, 0, 2, 0, 1, 0, 0, 0])
  // Of unknown outcome: until nobody waited for it any longer.
  expect(operations.took[3]).toBe(1_000_000)
})

test('an operation that never ended has no length', () => {
  const history = new MadeUpHistory().operation(1, 'read', { from: 1, to: 2 }).events.slice(0, 1)

  expect(pageDataOf(staleVerdict(staleRead()), history).operations.took).toEqual([-1])
})

test('stories and orders name operations by their position', () => {
  const history = staleRead()
  const order = [400, 100].map((ms) => invokedAt(history, ms))
  const verdict = { ...staleVerdict(history), orders: [{ key: 'k1', order }] }
  const { stories, orders } = pageDataOf(verdict, history)

  expect(stories).toEqual([{ operations: [0, 2, 4], deadEnd: 4 }])
  expect(orders).toEqual([{ key: 0, order: [2, 0] }])
})

test('long values are cut', () => {
  const input = 'x'.repeat(10_000)
  const history = new MadeUpHistory().operation(1, 'write', { from: 1, to: 2, input }).events
  const { asked, answered } = pageDataOf(staleVerdict(staleRead()), history).operations

  expect(asked[0]).toMatch(/^"x{59}… \(10002 characters\)$/)
  expect(answered).toEqual([''])
})

test('a fault is surely on between its probe and the beginning of its end', () => {
  const history = staleRead()

  expect(pageDataOf(staleVerdict(history), history).faults).toEqual([
    {
      what: 'partition n1/n2,n3',
      from: 200_000,
      onFrom: 250_000,
      onTo: 2_000_000,
      to: 2_050_000,
    },
  ])
})
