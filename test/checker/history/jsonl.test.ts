import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatEdn } from '../../../src/checker/history/edn.ts'
import type { HistoryEvent, Json } from '../../../src/checker/history/history.ts'
import { formatJsonl, parseJsonl } from '../../../src/checker/history/jsonl.ts'
import { type Fields, withKeys } from '../../../src/checker/history/independent-keys.ts'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import { done, historyOf } from '../recorded.ts'

const good =
  '{"index":0,"time":5,"process":3,"type":"invoke","f":"add","key":"k0","value":1,"node":"n1"}'

describe('history.jsonl', () => {
  test('writing and reading give the same events', () => {
    const event = fc.record(
      {
        process: fc.oneof(fc.nat(), fc.constant('nemesis' as const)),
        type: fc.constantFrom('invoke' as const, 'ok' as const, 'fail' as const, 'info' as const),
        f: fc.constantFrom('read', 'write', 'add'),
        key: fc.string(),
        value: fc
          .jsonValue({ maxDepth: 2 })
          .map((value) => JSON.parse(JSON.stringify(value)) as Json)
          // Whole numbers that are not exact are told from each other as texts.
          .filter((value) => !/(?:^|[^.\d])\d{16,}(?![.\de])/.test(JSON.stringify(value))),
        error: fc.string(),
        node: fc.string(),
      },
      { requiredKeys: ['process', 'type', 'f', 'value'] },
    )
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const history = events.map(
          (fields, index) => ({ ...fields, index, time: index }) as HistoryEvent,
        )
        // Pairs in place of all values and keys are another form of history, which is told from these by its content.
        fc.pre(withKeys(history as unknown as Fields[]) === (history as unknown))
        expect(parseJsonl(history.map(formatJsonl).join('\n'))).toEqual(history)
      }),
    )
  })

  test.each([
    ['garbage', 'line 2: is not JSON'],
    ['[1]', 'line 2: is not a JSON object'],
    [good.slice(0, 40), 'line 2: is not JSON'],
    [good, 'line 2: index 0 does not come after 0'],
    [
      good.replace('"index":0', '"index":1').replace('"time":5', '"time":4'),
      'line 2: time 4 is before 5',
    ],
    [good.replace('"time":5', '"time":-1'), 'line 2: "time" must be'],
    [good.replace('"process":3', '"process":"n1"'), 'line 2: "process" must be'],
    [good.replace('invoke', 'call'), 'line 2: "type" must be one of invoke, ok, fail, info'],
    [good.replace('"f":"add"', '"f":1'), 'line 2: "f" must be'],
    [good.replace('"key":"k0"', '"key":0'), 'line 2: "key" must be a string'],
  ])('refuses %s', (line, message) => {
    expect(() => parseJsonl(`${good}\n${line}\n`)).toThrow(message)
  })
})

describe('history.edn', () => {
  test('has the form that Jepsen writes', () => {
    const [event] = parseJsonl(good)
    expect(formatEdn(event as HistoryEvent)).toBe(
      '{:index 0, :time 5, :process 3, :type :invoke, :f :add, :key "k0", :value 1, :node "n1"}',
    )
  })

  test('names become keywords, absent becomes nil, maps and lists nest', () => {
    const [event] = historyOf([
      { process: 0, type: 'info', f: 'partition halves', value: { write: 'a"b', saw: [1, null] } },
    ])
    expect(formatEdn({ ...(event as HistoryEvent), process: 'nemesis', error: 'x' })).toBe(
      '{:index 0, :time 0, :process :nemesis, :type :info, :f :partition-halves, :value {:write "a\\"b", :saw [1 nil]}, :error "x"}',
    )
  })
})

describe('pairing of events', () => {
  test('an operation without an end has an unknown outcome', () => {
    const [operation] = operationsOf(
      historyOf([{ process: 1, type: 'invoke', f: 'add', value: 1 }]),
    )
    expect(operation).toMatchObject({ outcome: 'info', completedAt: Infinity })
  })

  test('refuses an end without a beginning, two open operations, and an end that does not match', () => {
    const [begin, end] = done('add', 'k0', 1)
    expect(() => operationsOf(historyOf([end!]))).toThrow('has no open operation')
    expect(() => operationsOf(historyOf([begin!, begin!]))).toThrow('is still open')
    expect(() => operationsOf(historyOf([begin!, { ...end!, f: 'read' }]))).toThrow(
      'does not match event 0',
    )
  })
})
