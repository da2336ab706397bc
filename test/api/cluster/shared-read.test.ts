/** Expensive reads are bounded, or shared. */
import { expect, test } from 'vitest'
import { ConcurrencyLimit, SharedRead } from '../../../src/api/cluster/operator-read-limit.ts'

test('concurrency limit: refuses what is too much, and only as long as it is', async () => {
  const limit = new ConcurrencyLimit(2)
  const ends: ((value: string) => void)[] = []
  const read = (): Promise<string> => new Promise((resolve) => ends.push(resolve))
  const first = limit.run(read)
  const second = limit.run(() => read().then(() => Promise.reject(new Error('failed'))))
  await expect(limit.run(read)).rejects.toMatchObject({ code: 'overloaded' })
  for (const end of ends) end('done')
  await expect(first).resolves.toBe('done')
  await expect(second).rejects.toThrow('failed')
  await expect(limit.run(() => Promise.resolve('again'))).resolves.toBe('again')
  expect(ends.length).toBe(2)
})

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
