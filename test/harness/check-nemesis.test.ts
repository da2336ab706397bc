import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  FAULTS,
  planFaults,
  runNemesis,
  type PlannedFault,
} from '../../src/harness/check-nemesis.ts'
import { Recorder } from '../../src/harness/recorder.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5']

function plan(seed: string, timeLimitMs: number): PlannedFault[] {
  return planFaults(new SeededRandom(seed), { faults: FAULTS, nodes: NODES, timeLimitMs })
}

describe('the plan of faults', () => {
  test('has two faults or more in any run of 10 s or more, apart and within it', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 10_000, max: 600_000 }), (seed, timeLimitMs) => {
        const faults = plan(seed, timeLimitMs)
        expect(faults.length).toBeGreaterThanOrEqual(2)
        let healedMs = 0
        for (const { startMs, endMs } of faults) {
          expect(startMs).toBeGreaterThan(healedMs)
          expect(endMs).toBeGreaterThan(startMs)
          healedMs = endMs
        }
        expect(healedMs).toBeLessThanOrEqual(timeLimitMs)
      }),
    )
  })

  test('is the same for the same seed, and another for another', () => {
    expect(plan('a', 600_000)).toEqual(plan('a', 600_000))
    expect(plan('a', 600_000)).not.toEqual(plan('b', 600_000))
  })

  test('a mix has every fault; halves share all nodes between them', () => {
    const commands = plan('mix', 1_200_000).map(({ command }) => command)
    expect(new Set(commands.map(([name]) => name))).toEqual(
      new Set(FAULTS.map((fault) => (fault === 'partition-halves' ? 'partition' : fault))),
    )
    for (const [name, groups] of commands) {
      if (name === 'ring') expect(groups).toBeUndefined()
      else if (name !== 'partition') expect(NODES).toContain(groups)
      else expect(groups?.split(/[,/]/).sort()).toEqual(NODES)
    }
  })
})

describe('the nemesis', () => {
  test('heals in the end even where a fault could not be made', async () => {
    const done: string[] = []
    const driver = {
      inject: () => Promise.reject(new Error('no such node')),
      heal: async () => void done.push('heal'),
    }
    const recorder = new Recorder()
    const of = {
      driver,
      recorder,
      startedAtMs: 0,
      over: new AbortController().signal,
      stop: new AbortController().signal,
      print: () => {},
    }
    await expect(
      runNemesis([{ startMs: 0, endMs: 5, command: ['kill', 'n9'] }], of),
    ).rejects.toThrow('no such node')
    expect(done).toEqual(['heal'])
  })

  test('a fault that was made only when the time was over lasts as long as planned, and is the last', async () => {
    const done: string[] = []
    const over = new AbortController()
    const never = new AbortController().signal
    const driver = {
      inject: async (command: readonly string[]) => {
        done.push(command.join(' '))
        over.abort()
      },
      heal: async () => void done.push('heal'),
    }
    const recorder = new Recorder()
    const lastsMs = 200
    await runNemesis(
      [
        { startMs: 0, endMs: lastsMs, command: ['pause', 'n1'] },
        { startMs: 0, endMs: lastsMs, command: ['pause', 'n2'] },
      ],
      { driver, recorder, startedAtMs: 0, over: over.signal, stop: never, print: () => {} },
    )
    expect(new Set(done)).toEqual(new Set(['pause n1', 'heal']))
    const timeOf = (name: string): number =>
      recorder.events.find(({ f }) => f === name)?.time ?? Number.NaN
    expect(timeOf('heal') - timeOf('started')).toBeGreaterThan((lastsMs - 5) * 1e6)
  })

  test('a stop in the middle of a fault heals at once and begins no other', async () => {
    const done: string[] = []
    const stop = new AbortController()
    const driver = {
      inject: async (command: readonly string[]) => {
        done.push(command.join(' '))
        stop.abort()
      },
      heal: async () => void done.push('heal'),
    }
    const far = { startMs: 0, endMs: 3_600_000 }
    const recorder = new Recorder()
    await runNemesis(
      [
        { ...far, command: ['pause', 'n1'] },
        { ...far, command: ['pause', 'n2'] },
      ],
      { driver, recorder, startedAtMs: 0, over: stop.signal, stop: stop.signal, print: () => {} },
    )
    expect(done[0]).toBe('pause n1')
    expect(new Set(done.slice(1))).toEqual(new Set(['heal']))
    expect(recorder.events.map(({ f }) => f)).toEqual(['start', 'started', 'heal', 'healed'])
  })
})
