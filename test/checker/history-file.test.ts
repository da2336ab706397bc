import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatEdn, formatEdnValue } from '../../src/checker/edn.ts'
import { readEdn } from '../../src/checker/edn-reader.ts'
import { readHistory } from '../../src/checker/history-file.ts'
import { formatJsonl } from '../../src/checker/jsonl.ts'
import { setModel } from '../../src/checker/set-model.ts'
import type { Json } from '../../src/checker/history.ts'
import { done, historyOf } from './recorded.ts'

const history = historyOf([
  ...done('add', 'k0', 1),
  { process: 9, type: 'info', f: 'x', value: { write: 'a "b"\n', saw: [1, null, true] } },
])

describe('a recorded history', () => {
  test('is told from its content: JSON lines, EDN lines, or an EDN vector', () => {
    expect(readHistory(history.map(formatJsonl).join('\n'))).toEqual(history)
    expect(readHistory(history.map(formatEdn).join('\n'))).toEqual(history)
    expect(readHistory(`[${history.map(formatEdn).join('\n ')}]`)).toEqual(history)
  })

  test('of a set as Jepsen writes it is judged', () => {
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
    ['{:process 0\n[', 'line 2: is not EDN: something'],
    ['{:process 0 :type}', 'line 1: has a map with a key'],
    ['{:process 0}\n)', 'line 2: is not EDN: ) closes nothing'],
    ['{:process 0, :type :ok, :f :add}\n7', 'line 2: is neither'],
    ['{:process 0, :type :begin, :f :add}', 'line 1: "type" must be'],
    ['['.repeat(100), 'nests deeper'],
  ])('refuses %j', (text, message) => {
    expect(() => readHistory(text)).toThrow(message)
  })
})

describe('EDN', () => {
  test('what is written is read again', () => {
    const json = fc
      .jsonValue({ maxDepth: 3, noUnicodeString: false } as object)
      .map((value) => JSON.parse(JSON.stringify(value)) as Json)
      .filter(
        (value) =>
          !/"[^"]*[^A-Za-z0-9][^"]*":/.test(JSON.stringify(value)) &&
          !/"":/.test(JSON.stringify(value)),
      )
    fc.assert(
      fc.property(json, (value) => {
        expect(readEdn(formatEdnValue(value)).map((form) => form.value)).toEqual([value])
      }),
    )
  })
})
