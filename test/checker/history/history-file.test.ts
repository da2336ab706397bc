import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatEdn, formatEdnValue } from '../../../src/checker/history/edn.ts'
import { readEdn } from '../../../src/checker/history/edn-reader.ts'
import { readHistory } from '../../../src/checker/history/history-file.ts'
import { formatJsonl } from '../../../src/checker/history/jsonl.ts'
import { casRegisterModel } from '../../../src/checker/models/linear-models.ts'
import { setModel } from '../../../src/checker/models/set-model.ts'
import type { Json } from '../../../src/checker/history/history.ts'
import { done, historyOf } from '../recorded.ts'

const history = historyOf([
  ...done('add', 'k0', 1),
  { process: 9, type: 'info', f: 'x', value: { write: 'a "b"\n', saw: [1, null, true] } },
])

describe('a recorded history', () => {
  test('is recognised by its content: JSON lines, EDN lines, or an EDN vector', () => {
    expect(readHistory(history.map(formatJsonl).join('\n'))).toEqual(history)
    expect(readHistory(history.map(formatEdn).join('\n'))).toEqual(history)
    expect(readHistory(`[${history.map(formatEdn).join('\n ')}]`)).toEqual(history)
  })

  test('by Jepsen of a set can be judged', () => {
    const verdict = setModel.check(
      readHistory(`
        {:process 0, :type :invoke, :f :add, :value 7} ; a comment
        {:process :nemesis, :type :info, :f :start, :value nil}
        {:process 0, :type :ok, :f :add, :value 7}
        {:process 1, :type :invoke, :f :read, :value nil}
        {:process 1, :type :ok, :f :read, :value #{8}, :exception #object[Some "thing"] #_ hidden}`),
    )
    expect(verdict).toMatchObject({ result: 'invalid', stats: { lost: 1, unexpected: 1 } })
  })

  test.each([
    ['', 'empty'],
    ['{:process 0,\n :type "ok', 'line 2: is not EDN: a string'],
    ['{:process 0\n[', 'line 2: is not EDN: a bracket'],
    ['{:process 0 :type}', 'line 1: has a map with a key'],
    ['{:process 0}\n)', 'line 2: is not EDN: ) has no opening bracket'],
    ['{:process 0, :type :ok, :f :add}\n7', 'line 2: is neither'],
    ['{:process 0, :type :begin, :f :add}', 'line 1: "type" must be'],
    ['['.repeat(100), 'nests deeper'],
    ['{:process :client0, :type :invoke, :f :read}', '"process" must be'],
    ['[{"index":0}]', 'one event a line'],
    [
      'INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:re',
      'line 2: begins like an event',
    ],
    ['INFO  jepsen.util - hello', 'the log contains no event'],
  ])('refuses %j', (text, message) => {
    expect(() => readHistory(text)).toThrow(message)
  })
})

describe('values', () => {
  const jsonl = (written: string, read: string): string =>
    [
      `{"index":0,"time":0,"process":0,"type":"invoke","f":"write","value":${written}}`,
      `{"index":1,"time":1,"process":0,"type":"ok","f":"write","value":${written}}`,
      `{"index":2,"time":2,"process":0,"type":"invoke","f":"read","value":null}`,
      `{"index":3,"time":3,"process":0,"type":"ok","f":"read","value":${read}}`,
    ].join('\n')
  const edn = (written: string, read: string): string =>
    `{:process 0, :type :invoke, :f :write, :value ${written}}
     {:process 0, :type :ok, :f :write, :value ${written}}
     {:process 0, :type :invoke, :f :read, :value nil}
     {:process 0, :type :ok, :f :read, :value ${read}}`
  const judged = (text: string): string => casRegisterModel.check(readHistory(text)).result

  test.each([
    ['9007199254740993', '9007199254740993', 'valid'],
    ['9007199254740993', '9007199254740992', 'invalid'],
    ['-9007199254740993', '-9007199254740992', 'invalid'],
    ['5', '"5"', 'invalid'],
    ['0', '-0', 'valid'],
    ['0.1', '0.1', 'valid'],
    ['"\\u0000[1]"', '[1]', 'invalid'],
    ['"ü😀"', '"ü😀"', 'valid'],
    ['"absent"', '"absent"', 'valid'],
  ])('%s is written and %s read: %s, in JSON and in EDN', (written, read, result) => {
    expect(judged(jsonl(written, read))).toBe(result)
    expect(judged(edn(written, read))).toBe(result)
  })

  test('the order of fields in a map does not matter', () => {
    expect(judged(jsonl('{"a":1,"b":[2]}', '{"b":[2],"a":1}'))).toBe('valid')
    expect(judged(jsonl('{"a":1,"b":[2]}', '{"b":[1],"a":2}'))).toBe('invalid')
  })

  test('an answer to a write with another value is refused', () => {
    const garbled = jsonl('1', '1').replace(
      '"ok","f":"write","value":1',
      '"ok","f":"write","value":2',
    )
    expect(() => judged(garbled)).toThrow('must repeat the value of the request')
  })

  test('EDN writes :absent for a cas that expects no value, and for a read that found none', () => {
    const events = historyOf([
      { process: 0, type: 'invoke', f: 'cas', value: [null, 1] },
      { process: 0, type: 'ok', f: 'cas', value: [null, 1] },
      { process: 0, type: 'invoke', f: 'read' },
      { process: 0, type: 'ok', f: 'read', value: 1 },
    ])
    const written = events.map(formatEdn).join('\n')
    expect(written).toContain(':value [:absent 1]')
    expect(readHistory(written)).toEqual(events)
  })
})

describe('EDN', () => {
  test('a written history reads back unchanged', () => {
    const json = fc
      .jsonValue({ maxDepth: 3, noUnicodeString: false } as object)
      .map((value) => JSON.parse(JSON.stringify(value)) as Json)
      .filter(isPlain)
    fc.assert(
      fc.property(json, (value) => {
        expect(readEdn(formatEdnValue(value)).map((form) => form.value)).toEqual([value])
      }),
    )
  })
})

/** Names that make keywords, and no whole number that is not exact. */
function isPlain(value: Json): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(
    ([name, part]) => /^[A-Za-z0-9]+$/.test(name) && isPlain(part as Json),
  )
}

describe("Jepsen's independent keys", () => {
  const op = (process: number, type: string, f: string, value: string, more = ''): string =>
    `#jepsen.history.Op{:process ${process} :type :${type} :f :${f} :value ${value}${more}}`
  const judged = (...lines: readonly string[]): string =>
    casRegisterModel.check(readHistory(lines.join('\n'))).result
  const TWO_KEYS = [
    op(0, 'invoke', 'write', '[0 1]'),
    op(0, 'ok', 'write', '[0 1]'),
    op(1, 'invoke', 'write', '[1 5]'),
    op(1, 'ok', 'write', '[1 5]'),
    op(2, 'invoke', 'read', '[0 nil]'),
    op(2, 'ok', 'read', '[0 1]'),
    op(3, 'invoke', 'cas', '[0 [1 2]]'),
    op(3, 'ok', 'cas', '[0 [1 2]]'),
  ]

  test('are recognised by their values, and checked one by one', () => {
    const history = readHistory(TWO_KEYS.join('\n'))
    expect(history.map(({ key, value }) => [key, value])).toEqual([
      ['0', 1],
      ['0', 1],
      ['1', 5],
      ['1', 5],
      ['0', null],
      ['0', 1],
      ['0', [1, 2]],
      ['0', [1, 2]],
    ])
    expect(judged(...TWO_KEYS)).toBe('valid')
    const stale = [op(4, 'invoke', 'read', '[0 nil]'), op(4, 'ok', 'read', '[0 1]')]
    expect(judged(...TWO_KEYS, ...stale)).toBe('invalid')
    const untold = [op(4, 'invoke', 'read', '[0 nil]'), op(4, 'ok', 'read', '[0 nil]')]
    expect(judged(...TWO_KEYS, ...untold)).toBe('valid')
    const absent = [op(4, 'invoke', 'read', '[7 nil]'), op(4, 'ok', 'read', '[7 :absent]')]
    expect(judged(...TWO_KEYS, ...absent)).toBe('valid')
    const gone = [op(4, 'invoke', 'read', '[0 nil]'), op(4, 'ok', 'read', '[0 :absent]')]
    expect(judged(...TWO_KEYS, ...gone)).toBe('invalid')
  })

  test('work with nemesis events, and with processes that continue after an unknown outcome', () => {
    const more = [
      '{:process :nemesis :type :invoke :f :start :value nil}',
      '{:process :nemesis :type :info :f :start :value {"n1" :killed}}',
      op(0, 'invoke', 'write', '[1 6]'),
      op(0, 'info', 'write', '[1 6]', ' :error :timeout'),
      op(0, 'invoke', 'read', '[1 nil]'),
      op(0, 'ok', 'read', '[1 6]'),
    ]
    expect(judged(...TWO_KEYS, ...more)).toBe('valid')
  })

  test('are read from JSON lines, too', () => {
    const line = (type: string, f: string, value: string, index: number): string =>
      `{"index":${index},"time":${index},"process":0,"type":"${type}","f":"${f}","value":${value}}`
    const lines = [
      line('invoke', 'write', '["a",1]', 0),
      line('ok', 'write', '["a",1]', 1),
      line('invoke', 'read', '["b",null]', 2),
      line('ok', 'read', '["b",null]', 3),
    ]
    expect(judged(...lines)).toBe('valid')
  })

  test('a register that holds vectors, or has only cas operations, has no independent keys', () => {
    const vectors = [
      op(0, 'invoke', 'write', '[0 1]'),
      op(0, 'ok', 'write', '[0 1]'),
      op(1, 'invoke', 'read', 'nil'),
      op(1, 'ok', 'read', '[0 2]'),
    ]
    expect(judged(...vectors)).toBe('invalid')
    const sets = [op(0, 'invoke', 'cas', '[:absent 1]'), op(0, 'ok', 'cas', '[:absent 1]')]
    expect(readHistory(sets.join('\n')).every(({ key }) => key === undefined)).toBe(true)
  })
})

describe('times since 1970', () => {
  const FIRST = 1_732_500_000_000_000_001n
  const told = [
    [0n, 'invoke', 'null'],
    [250n, 'ok', '1'],
  ] as const

  test('are converted to nanoseconds since the first event', () => {
    const edn = told.map(
      ([ns, type, value]) =>
        `{:process 0 :time ${FIRST + ns} :type :${type} :f :read :value ${value === 'null' ? 'nil' : value}}`,
    )
    const json = told.map(
      ([ns, type, value], index) =>
        `{"index":${index},"time":${FIRST + ns},"process":0,"type":"${type}","f":"read","value":${value}}`,
    )
    for (const text of [edn, json]) {
      expect(readHistory(text.join('\n')).map(({ time }) => time)).toEqual([0, 250])
    }
  })
})
