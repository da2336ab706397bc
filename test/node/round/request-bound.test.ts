/** Requests whose work outlasts their answer: they are answered in time, and count until the work ends. */
import { beforeEach, expect, it } from 'vitest'
import { QuorateError } from '../../../src/core/errors.ts'
import { Deadlines } from '../../../src/node/peers/deadlines.ts'
import { RequestBound } from '../../../src/node/round/request-bound.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'

const MAX = 3
const TIMEOUT_MS = 500

let schedule: Schedule
let bound: RequestBound
beforeEach(() => {
  schedule = new Schedule()
  const host = new Host('n1', 0, schedule)
  bound = new RequestBound(new Deadlines(host, host.timers()), MAX)
})

const pass = (ms: number): Promise<unknown> => runSchedule(schedule, schedule.nowUs + ms * 1000)
const codeOf = (error: unknown): string => (error as QuorateError).code

it('answers at the deadline, counts until the work ends, and has room again then', async () => {
  const ends: (() => void)[] = []
  const ask = (): Promise<string> =>
    bound
      .run<string>('write', TIMEOUT_MS, ({ answered }) => ends.push(() => answered('ok')))
      .catch(codeOf)
  const asked = Array.from({ length: MAX }, ask)
  await pass(2 * TIMEOUT_MS)
  expect(await Promise.all(asked)).toEqual(Array.from({ length: MAX }, () => 'outcome_unknown'))
  // All are answered, so a stop waits for nothing.
  await bound.drained()
  expect(bound.inflight).toBe(MAX)
  expect(await ask()).toBe('overloaded')
  for (const end of ends) end()
  await pass(1)
  expect(bound.inflight).toBe(0)
  const late = ask()
  ends.at(-1)?.()
  expect(await late).toBe('ok')
  expect(bound.inflight).toBe(0)
})

it('counts nothing that is refused at once, and passes its error on', async () => {
  const refuse = (): never => {
    throw new QuorateError('bucket_unknown', 'there is no such bucket')
  }
  for (let i = 0; i <= MAX; i++) {
    expect(await bound.run('read', TIMEOUT_MS, refuse).catch(codeOf)).toBe('bucket_unknown')
  }
  expect(bound.inflight).toBe(0)
  await bound.drained()
})
