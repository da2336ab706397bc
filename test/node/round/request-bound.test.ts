/** Requests whose work outlasts their answer: they are answered in time, and count until the work ends. */
import { beforeEach, expect, it } from 'vitest'
import { QuorateError } from '../../../src/core/errors.ts'
import { Deadlines } from '../../../src/node/peers/deadlines.ts'
import { AnswerGate } from '../../../src/node/round/answer-gate.ts'
import { RequestBound } from '../../../src/node/round/request-bound.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'

const MAX = 3
const TIMEOUT_MS = 500

let schedule: Schedule
let gate: AnswerGate
let bound: RequestBound
beforeEach(() => {
  schedule = new Schedule()
  const host = new Host('n1', 0, schedule)
  gate = new AnswerGate()
  bound = new RequestBound(new Deadlines(host, host.timers()), gate, MAX)
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

it('holds back answers and errors while the gate is closed, and gives them in their order', async () => {
  const told: string[] = []
  const ask = (name: string, isGood: boolean): void => {
    void bound
      .run<string>('read', TIMEOUT_MS, ({ answered, failed }) => {
        if (isGood) answered(name)
        else failed(new QuorateError('clock_drift', name))
      })
      .catch((error: unknown) => (error as QuorateError).message)
      .then((end) => told.push(end))
  }
  const [openFirst, openSecond] = [gate.close(), gate.close()]
  ask('a', true)
  ask('b', false)
  await pass(1)
  openFirst()
  openFirst()
  await pass(1)
  expect(told).toEqual([])
  openSecond()
  ask('c', true)
  await pass(1)
  expect(told).toEqual(['a', 'b', 'c'])
  await bound.drained()
})
