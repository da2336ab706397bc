import { describe, expect, test } from 'vitest'
import { HistoryError, MISMATCH } from '../../../src/checker/history/history.ts'
import { readHistory } from '../../../src/checker/history/history-file.ts'
import { ladderOf } from '../../../src/checker/levels/ladder.ts'
import { ladderLines } from '../../../src/checker/levels/ladder-words.ts'
import type { Level } from '../../../src/checker/levels/level.ts'
import { done, historyOf, type Told } from '../recorded.ts'

/** An operation of a client, alone in time. */
function by(process: number, f: string, key: string, value: Parameters<typeof done>[2]): Told[] {
  return done(f, key, value).map((event) => ({ ...event, process }))
}

interface Broken {
  readonly level: Level
  /** How many operations prove it. */
  readonly operations: number
}

function brokenIn(told: readonly Told[]): Broken[] {
  return ladderOf(historyOf(told), undefined).rungs.flatMap(({ level, judgement }) =>
    judgement.type === 'broken' ? [{ level, operations: judgement.proof.operations.length }] : [],
  )
}

describe('the ladder of a history', () => {
  test('of a store with one copy holds to the top', () => {
    const told = [by(1, 'write', 'x', 1), by(2, 'read', 'x', 1), by(2, 'cas', 'x', [1, 2])]
    expect(brokenIn([...told, by(1, 'read', 'x', 2)].flat())).toEqual([])
  })

  test('with a stale read of another client is sequential, and the write is not there at the end', () => {
    expect(brokenIn([by(1, 'write', 'x', 1), by(2, 'read', 'x', null)].flat())).toEqual([
      { level: 'linearizable', operations: 2 },
      { level: 'no lost writes', operations: 2 },
    ])
  })

  test('in which two clients miss each other’s write is causal, but not sequential', () => {
    const told = [
      by(1, 'write', 'x', 1),
      by(2, 'write', 'y', 2),
      by(1, 'read', 'y', null),
      by(2, 'read', 'x', null),
      by(3, 'read', 'x', 1),
      by(3, 'read', 'y', 2),
    ]
    expect(brokenIn(told.flat())).toEqual([
      { level: 'linearizable', operations: 2 },
      { level: 'sequential', operations: 4 },
    ])
  })

  test.each<[Level, Told[][]]>([
    ['read your writes', [by(1, 'write', 'x', 1), by(1, 'read', 'x', null)]],
    ['monotonic reads', [by(1, 'write', 'x', 1), by(2, 'read', 'x', 1), by(2, 'read', 'x', null)]],
    [
      'monotonic writes',
      [
        by(1, 'write', 'x', 1),
        by(1, 'write', 'y', 2),
        by(2, 'read', 'y', 2),
        by(2, 'read', 'x', null),
      ],
    ],
    [
      'writes follow reads',
      [
        by(1, 'write', 'x', 1),
        by(2, 'read', 'x', 1),
        by(2, 'write', 'y', 2),
        by(3, 'read', 'y', 2),
        by(3, 'read', 'x', null),
      ],
    ],
  ])('tells each session guarantee apart: %s', (level, told) => {
    const broken = brokenIn([...told, by(9, 'read', 'x', 1)].flat())
    expect(broken).toContainEqual({ level, operations: told.length })
    expect(broken.map((each) => each.level)).toEqual([
      'linearizable',
      'sequential',
      'causal',
      level,
    ])
  })

  test('breaks causal if a compare-and-set saw what nobody had written', () => {
    const told = [by(1, 'write', 'x', 1), by(2, 'cas', 'x', [7, 8])]
    expect(brokenIn(told.flat()).map(({ level }) => level)).toContain('causal')
  })

  test('takes siblings for a breach of every level with one order, and of no other', () => {
    const told = [by(1, 'write', 'x', 1), by(2, 'write', 'x', 2), by(3, 'read', 'x', [1, 2])]
    expect(brokenIn(told.flat()).map(({ level }) => level)).toEqual(['linearizable', 'sequential'])
  })

  test('reads writes with their contexts, and lists of one value or none', () => {
    const told = [
      by(1, 'read', 'x', []),
      by(1, 'write', 'x', { write: 1, saw: [] }),
      by(2, 'read', 'x', [1]),
      by(2, 'delete', 'x', { saw: [1] }),
      by(1, 'read', 'x', []),
    ]
    expect(brokenIn(told.flat())).toEqual([])
  })

  test('takes a failed compare-and-set for a read of another value', () => {
    const failed = by(1, 'cas', 'x', [1, 2]).map((event) =>
      event.type === 'ok' ? ({ ...event, type: 'fail', error: MISMATCH } as const) : event,
    )
    const told = [...by(1, 'write', 'x', 1), ...failed, ...by(2, 'read', 'x', 1)]
    expect(brokenIn(told)).toEqual([
      { level: 'linearizable', operations: 2 },
      { level: 'sequential', operations: 2 },
      { level: 'causal', operations: 2 },
      { level: 'read your writes', operations: 2 },
    ])
  })

  test('tells a cycle of compare-and-sets without what lies between', () => {
    const [begun, ended] = by(1, 'cas', 'x', [2, 1]) as [Told, Told]
    const between = [by(2, 'read', 'x', 1), by(2, 'read', 'y', null), by(2, 'write', 'x', 2)].flat()
    expect(brokenIn([begun, ...between, ended])).toContainEqual({ level: 'causal', operations: 3 })
  })

  test('counts equal siblings once', () => {
    const told = [by(1, 'write', 'x', 1), by(2, 'write', 'x', 1), by(3, 'read', 'x', [1, 1])]
    expect(brokenIn(told.flat())).toEqual([])
  })

  test('takes lists for values if compare-and-sets leave lists', () => {
    const told = [by(1, 'cas', 'x', [null, [1]]), by(2, 'cas', 'x', [[1], [1, 2]])]
    expect(brokenIn([...told, by(3, 'read', 'x', [1, 2])].flat())).toEqual([])
  })

  test('says what cannot be decided instead of guessing', () => {
    const told = [
      by(1, 'write', 'x', 1),
      by(1, 'write', 'x', 2),
      by(2, 'write', 'x', 1),
      by(1, 'write', 'y', 5),
      by(3, 'read', 'y', 5),
      by(3, 'read', 'x', 1),
      by(3, 'read', 'x', 2),
      by(3, 'read', 'x', 1),
      by(4, 'write', 'x', 9),
    ]
    const { rungs } = ladderOf(historyOf(told.flat()), undefined)
    const judged = Object.fromEntries(rungs.map(({ level, judgement }) => [level, judgement]))
    expect(judged['no lost writes']).toEqual({
      type: 'unknown',
      why: expect.stringContaining('was not read after its last change') as string,
    })
  })

  test('refuses other operations by name', () => {
    expect(() => ladderOf(historyOf(done('add', 'x', 1)), undefined)).toThrow(HistoryError)
    expect(() => ladderOf(historyOf(done('add', 'x', 1)), undefined)).toThrow('"add"')
  })
})

test('the lines of a ladder name the clients, the values and the times', () => {
  const history = historyOf([by(1, 'write', 'x', 1), by(2, 'read', 'x', null)].flat())
  const lines = ladderLines(ladderOf(history, undefined))
  expect(lines[0]).toBe('levels of 2 operations of 2 clients on 1 key, the strongest first')
  expect(lines).toContain('         - client 1 wrote 1 to key x (n1, 0.000 s to 0.001 s)')
  expect(lines).toContain('         - client 2 found no value in key x (n1, 0.002 s to 0.003 s)')
  expect(lines.at(-1)).toBe('the strongest level that holds is sequential')
})

test('of the session guarantees all that hold are the strongest', () => {
  const history = historyOf([by(1, 'write', 'x', 1), by(1, 'read', 'x', null)].flat())
  expect(ladderLines(ladderOf(history, undefined)).at(-1)).toBe(
    'the strongest levels that hold are monotonic reads, monotonic writes, writes follow reads',
  )
})

test('a history of independent keys with absolute times is understood', () => {
  const edn = [
    '{:time 1700000000000000001 :process 0 :type :invoke :f :write :value [0 1]}',
    '{:time 1700000000100000001 :process 0 :type :info :f :write :value [0 1]}',
    '{:time 1700000000200000001 :process :nemesis :type :invoke :f :start}',
    '{:time 1700000000300000001 :process 0 :type :invoke :f :read :value [1 nil]}',
    '{:time 1700000000400000001 :process 0 :type :ok :f :read :value [1 5]}',
  ].join('\n')
  const lines = ladderLines(ladderOf(readHistory(edn), undefined))
  expect(lines).toContain('         - client 0 read 5 from key 1 (0.300 s to 0.400 s)')
})
