import { expect, it } from 'vitest'
import { Signal } from '../../src/core/signal.ts'

it('a signal calls its listeners at once, in the order in which they were added', () => {
  const signal = new Signal<[who: string, count: number]>()
  const told: string[] = []
  signal.listen((who, count) => told.push(`first: ${who} ${count}`))
  signal.listen((who, count) => told.push(`second: ${who} ${count}`))

  signal.emit('n1', 2)

  expect(told).toEqual(['first: n1 2', 'second: n1 2'])
})

it('a signal to which nobody listens does nothing', () => {
  expect(() => new Signal().emit()).not.toThrow()
})

it('an error of a listener reaches the mechanism that emits', () => {
  const signal = new Signal()
  signal.listen(() => {
    throw new Error('broken')
  })

  expect(() => signal.emit()).toThrow('broken')
})
