/** Recorded histories in the forms of others, as they are judged and told. */
import { describe, expect, test } from 'vitest'
import { formatEdn } from '../../../src/checker/history/edn.ts'
import { readHistory } from '../../../src/checker/history/history-file.ts'
import { HistoryError } from '../../../src/checker/history/history.ts'
import {
  casRegisterModel,
  kvModel,
  registerModel,
} from '../../../src/checker/models/linear-models.ts'
import type { EventType, HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import { historyOf, type Told } from '../recorded.ts'

function events(
  told: readonly (readonly [process: number, type: EventType, f: string, value: Json])[],
): HistoryEvent[] {
  return historyOf(told.map(([process, type, f, value]) => ({ process, type, f, value })))
}

describe('the log of a Jepsen test', () => {
  const log = (...lines: string[]): string =>
    lines.map((line) => `INFO  jepsen.util - ${line.replaceAll(' ', '\t')}\n`).join('')

  test('of an order that there is', () => {
    const text = log(
      '0 :invoke :read nil',
      '1 :invoke :write 4',
      '0 :ok :read nil',
      '2 :invoke :cas [4', // The tabs of a vector are spaces.
    ).replace('[4', '[4 2]')
    const { result } = casRegisterModel.check(readHistory(text))
    expect(result).toBe('valid')
  })

  test('of one that there is not: told by its events, for it has no times', () => {
    const text = log(
      '0 :invoke :write 4',
      '0 :ok :write 4',
      '1 :invoke :read nil',
      '1 :ok :read 3',
      '2 :invoke :write 3',
      '2 :info :write :timed-out',
    )
    const { result, evidence } = casRegisterModel.check(readHistory(text))
    expect(result).toBe('invalid')
    expect(evidence[0]?.words).toContain('client 1 read 3 (events 2 to 3)')
  })

  test('a cas that failed tells nothing, as in etcd; a write of unknown outcome may come late', () => {
    const text = log(
      '0 :invoke :write 4',
      '0 :info :write :timed-out',
      '1 :invoke :cas [1',
      '1 :fail :cas [1',
      '2 :invoke :read nil',
      '2 :ok :read nil',
      '2 :invoke :read nil',
      '2 :ok :read 4',
    ).replaceAll('[1', '[1 2]')
    expect(casRegisterModel.check(readHistory(text)).result).toBe('valid')
  })
})

describe("the key-value form of Porcupine's tests", () => {
  const line = (process: number, type: string, f: string, key: string, value: string): string =>
    `{:process ${process}, :type :${type}, :f :${f}, :key "${key}", :value ${value}}\n`

  test.each([
    ['"xy"', 'valid'],
    ['"yx"', 'valid'],
    ['"x"', 'invalid'],
    ['"xyx"', 'invalid'],
  ] as const)('two appends at once, then a get of %s: %s', (got, result) => {
    const text =
      line(1, 'invoke', 'append', '0', '"x"') +
      line(2, 'invoke', 'append', '0', '"y"') +
      line(1, 'ok', 'append', '0', '"x"') +
      line(2, 'ok', 'append', '0', '"y"') +
      line(3, 'invoke', 'get', '0', 'nil') +
      line(3, 'ok', 'get', '0', got) +
      line(3, 'invoke', 'get', '1', 'nil') +
      line(3, 'ok', 'get', '1', '""')
    expect(kvModel.check(readHistory(text)).result).toBe(result)
  })
})

describe('appends', () => {
  /** Twelve at once, and what a get finds then. */
  const appends = (key: string, got: string): Told[] => {
    const all = [...'abcdefghijkl'].map((value, process) => ({ process, f: 'append', key, value }))
    return [
      ...all.map((each) => ({ ...each, type: 'invoke' as const })),
      ...all.map((each) => ({ ...each, type: 'ok' as const })),
      { process: 12, type: 'invoke', f: 'get', key },
      { process: 12, type: 'ok', f: 'get', key, value: got },
    ]
  }

  test.each([
    ['lkjihgfedcba', 'valid'],
    ['lkjihgfedcab', 'valid'],
    ['lkjihgfedcb', 'invalid'],
    ['lkjihgfedcbaa', 'invalid'],
    ['?', 'invalid'],
  ] as const)('twelve at once, found as %s, are not tried in every order: %s', (got, result) => {
    // Each order that there is would be another text: half a billion of them.
    const verdict = kvModel.check(historyOf(appends('k', got)), { memoryBytes: 2_000_000 })
    expect(verdict.result).toBe(result)
  })
})

describe("Jepsen's EDN", () => {
  test('a read of nil tells nothing, and the first value may be 0', () => {
    const text = `[{:process 0, :type :invoke, :f :read, :value nil}
      {:process 0, :type :ok, :f :read, :value 0}
      {:process 0, :type :invoke, :f :write, :value 1}
      {:process 0, :type :ok, :f :write, :value 1}
      {:process 1, :type :invoke, :f :read, :value nil}
      {:process 1, :type :ok, :f :read, :value nil}]`
    expect(registerModel.check(readHistory(text)).result).toBe('valid')
  })

  test('what we write says the same when it is read again, an absent key included', () => {
    const absent = events([
      [0, 'invoke', 'write', 5],
      [0, 'ok', 'write', 5],
      [1, 'invoke', 'read', null],
      [1, 'ok', 'read', null],
    ])
    const again = readHistory(absent.map((event) => `${formatEdn(event)}\n`).join(''))
    expect(registerModel.check(absent).result).toBe('invalid')
    expect(registerModel.check(again).result).toBe('invalid')
  })
})

describe('bounds', () => {
  const stale = events([
    [0, 'invoke', 'write', 1],
    [1, 'invoke', 'write', 2],
    [0, 'ok', 'write', 1],
    [1, 'ok', 'write', 2],
    [2, 'invoke', 'read', null],
    [2, 'ok', 'read', 7],
  ])

  test('what a key holds at the start can be given', () => {
    const seven = stale.slice(4).map((event, index) => ({ ...event, index, time: index }))
    expect(registerModel.check(seven).result).toBe('invalid')
    expect(registerModel.check(seven, { initial: 7 }).result).toBe('valid')
  })

  test('without memory the verdict is unknown, never valid', () => {
    expect(registerModel.check(stale).result).toBe('invalid')
    const verdict = registerModel.check(stale, { memoryBytes: 0 })
    expect(['invalid', 'unknown']).toContain(verdict.result)
  })
})

test('an operation that the model does not have is refused', () => {
  const cas = events([
    [0, 'invoke', 'cas', [1, 2]],
    [0, 'ok', 'cas', [1, 2]],
  ])
  expect(() => registerModel.check(cas)).toThrow(HistoryError)
  expect(() =>
    casRegisterModel.check(
      events([
        [0, 'invoke', 'cas', 3],
        [0, 'ok', 'cas', 3],
      ]),
    ),
  ).toThrow('must be [expected, new]')
})
