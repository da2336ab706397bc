import { expect, it } from 'vitest'
import { ConcurrencyLimit } from '../../../src/node/service/concurrency-limit.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'

function world(runningMax: number, waitingMax: number) {
  const schedule = new Schedule()
  const host = new Host('n1', 0, schedule)
  return {
    schedule,
    limit: new ConcurrencyLimit(runningMax, { max: waitingMax, timers: host.timers() }),
  }
}

it('runs so many at once, the others in their order, and refuses what is beyond', async () => {
  const { limit } = world(2, 2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const runs = Array.from({ length: 5 }, (_, i) =>
    limit
      .run(() => {
        begun.push(i)
        return new Promise<void>((resolve) => ends.push(resolve))
      }, 1000)
      .then(
        () => 'done',
        (error: unknown) => (error as { code: string }).code,
      ),
  )
  expect(await runs[4]).toBe('overloaded')
  expect(begun).toEqual([0, 1])
  for (let i = 0; i < 4; i++) {
    ends[i]?.()
    expect(await runs[i]).toBe('done')
    await Promise.resolve()
    expect(begun.length).toBe(Math.min(4, i + 3))
  }
  expect(begun).toEqual([0, 1, 2, 3])
  // The place of the last one is free again.
  expect(await limit.run(() => Promise.resolve('again'))).toBe('again')
})

it('lets nobody wait longer than asked, and gives the place of one that failed to the next', async () => {
  const { limit, schedule } = world(1, 2)
  let fail: (error: Error) => void = () => undefined
  const first = limit.run(() => new Promise<void>((_, reject) => (fail = reject)))
  const short = limit.run(() => Promise.resolve('short'), 10)
  const long = limit.run(() => Promise.resolve('long'), 1000)
  const refused = expect(short).rejects.toMatchObject({ code: 'overloaded' })
  await runSchedule(schedule, 500_000)
  await refused
  fail(new Error('it failed'))
  await expect(first).rejects.toThrow('it failed')
  expect(await long).toBe('long')
})

it('refuses at once if nobody may wait, and only while too many run', async () => {
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
