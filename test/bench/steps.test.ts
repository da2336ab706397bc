import { expect, test } from 'vitest'
import { Steps } from '../../src/bench/steps.ts'
import { WatchedProgress } from '../terminal/watched-progress.ts'

test('a measurement shows its step, and how much lies behind it', () => {
  const progress = new WatchedProgress()
  const steps = new Steps(progress, 30, 'seconds')
  expect(progress.now).toBeUndefined()
  steps.begin('starting', 0)
  expect(progress.now).toEqual({ text: 'starting', share: { done: 0, all: 30, isEven: true } })
  steps.begin('warming up', 20)
  expect(progress.now).toMatchObject({ text: 'warming up', share: { done: 0 } })
  steps.begin('round 1', 10)
  expect(progress.now).toMatchObject({ text: 'round 1', share: { done: 20 } })
  // Each step is drawn at once. One look for all of them: a new one would forget the pace.
  expect([progress.shown.length, progress.looks.size]).toEqual([3, 1])
})

test('steps of unknown length tell no time', () => {
  const progress = new WatchedProgress()
  const steps = new Steps(progress, 2, 'steps')
  steps.begin('filling')
  steps.begin('moving')
  expect(progress.now).toEqual({ text: 'moving', share: { done: 1, all: 2, isEven: false } })
})
