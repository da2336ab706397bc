import { describe, expect, it } from 'vitest'
import { runClosedLoops } from '../../src/bench/load/closed-loop.ts'
import { countKeys } from '../../src/bench/load/key-space.ts'
import { mergeResults, shareOf } from '../../src/bench/load/load.ts'
import { parseWrk } from '../../src/bench/load/wrk.ts'
import { isSteady, loadUntilSteady } from '../../src/bench/steadiness.ts'

describe('load', () => {
  it('reads the line that the script prints, without the requests that failed', () => {
    const result = parseWrk('Running 4s test\nRESULT 1100 2000000 1500 9000 100 7 2200000\n')
    expect(result).toEqual({
      answers: 1000,
      requestsPerSecond: 500,
      p50Ms: 1.5,
      p99Ms: 9,
      errors: 107,
      bytesPerAnswer: 2000,
    })
    expect(() => parseWrk('unable to connect')).toThrow(/no result/)
  })

  it('adds the rates of several processes, and takes the worst tail', () => {
    const merged = mergeResults([
      {
        answers: 200,
        requestsPerSecond: 100,
        p50Ms: 2,
        p99Ms: 5,
        errors: 0,
        bytesPerAnswer: 1000,
      },
      {
        answers: 600,
        requestsPerSecond: 300,
        p50Ms: 4,
        p99Ms: 3,
        errors: 2,
        bytesPerAnswer: 2000,
      },
    ])
    expect(merged).toEqual({
      answers: 800,
      requestsPerSecond: 400,
      p50Ms: 3.5,
      p99Ms: 5,
      errors: 2,
      bytesPerAnswer: 1750,
    })
  })

  it('spreads all connections', () => {
    expect([0, 1, 2].map((part) => shareOf(64, 3, part))).toEqual([22, 21, 21])
    expect([0, 1, 2].map((part) => shareOf(2, 3, part))).toEqual([1, 1, 1])
  })

  it('calls a load steady once it gets no faster, whatever the noise', () => {
    expect(isSteady([2400, 3300, 3500, 3700, 4000])).toBe(false)
    expect(isSteady([2400, 4000, 3900, 4100])).toBe(true)
    expect(isSteady([2400, 4000, 3900, 4400, 4300])).toBe(false)
    expect(isSteady([0, 0])).toBe(true)
    expect(isSteady([])).toBe(false)
  })

  it('holds no more keys than fit into memory', () => {
    expect(countKeys(1024)).toBe(10_000)
    expect(countKeys(2 ** 20)).toBe(64)
    expect(countKeys(2 ** 30)).toBe(1)
  })

  it('warms up in steps until the rate no longer rises', async () => {
    const rates = [1000, 2000, 2010, 2020, 9999]
    const asked: number[] = []
    const seen = await loadUntilSteady(async (seconds, step) => {
      asked.push(seconds)
      return rates[step] ?? 0
    }, 24)
    expect(seen).toEqual([1000, 2000, 2010, 2020])
    expect(asked).toEqual([3, 3, 3, 3])
    expect(await loadUntilSteady(async (seconds) => seconds, 4)).toEqual([3, 1])
  })

  it('adds up the answers of connections that wait at the same time', async () => {
    let now = 0
    const send = async (): Promise<number> => {
      await Promise.resolve()
      now += 250
      return 10
    }
    const clock = { nowMs: () => now, random: () => 0 }
    const result = await runClosedLoops([send, send], { seconds: 1, keys: 1, ...clock })
    expect(result).toMatchObject({ answers: 4, errors: 0, bytesPerAnswer: 10 })
  })

  it('sends the next request of a connection after the answer, and ends it at an error', async () => {
    let now = 0
    const numbers = [0.1, 0.9, 0.5, 0.99]
    const keys: number[] = []
    const result = await runClosedLoops(
      [
        async (key) => {
          keys.push(key)
          now += keys.length * 100
          return 50
        },
        async () => {
          throw new Error('refused')
        },
      ],
      { seconds: 1, keys: 10, nowMs: () => now, random: () => numbers[keys.length] ?? 0 },
    )
    expect(keys).toEqual([1, 9, 5, 9])
    expect(result).toEqual({
      answers: 4,
      requestsPerSecond: 4,
      p50Ms: 200,
      p99Ms: 400,
      errors: 1,
      bytesPerAnswer: 50,
    })
  })
})
