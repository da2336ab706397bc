import { expect, test } from 'vitest'
import { SharedRead } from '../../../src/api/cluster/shared-read.ts'

test('shared read: whoever asks while it runs gets the same result, the next one a new one', async () => {
  const ends: ((value: string) => void)[] = []
  const shared = new SharedRead(() => new Promise<string>((resolve) => ends.push(resolve)))
  const both = Promise.all([shared.run(), shared.run()])
  ends[0]?.('first')
  expect(await both).toEqual(['first', 'first'])
  const next = shared.run()
  ends[1]?.('second')
  expect(await next).toBe('second')
  expect(ends.length).toBe(2)
})

test('shared read: a failure is told to all and kept for nobody', async () => {
  let isBroken = true
  const shared = new SharedRead(() =>
    isBroken ? Promise.reject(new Error('broken')) : Promise.resolve('well'),
  )
  const answers = await Promise.allSettled([shared.run(), shared.run()])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isBroken = false
  expect(await shared.run()).toBe('well')
})
