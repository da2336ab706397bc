import { expect, test } from 'vitest'
import type { Json } from '../../../src/checker/history/history.ts'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import { convergenceOf, type KeyConvergence } from '../../../src/report/analysis/convergence.ts'
import { MadeUpHistory } from '../made-up-run.ts'

function convergenceAfter(...answers: readonly (Json | undefined)[]): KeyConvergence | undefined {
  const history = new MadeUpHistory().operation(1, 'write', { from: 1, to: 2, input: 5 })
  for (const [i, output] of answers.entries()) {
    const times = { from: 10 + 2 * i, to: 11 + 2 * i, node: `n${i + 1}` }
    if (output === undefined) history.operation(2, 'read', { ...times, outcome: 'fail' })
    else history.operation(2, 'read', { ...times, output })
  }
  return convergenceOf(operationsOf(history.events))[0]
}

test.each<[KeyConvergence['state'], string | undefined, readonly (Json | undefined)[]]>([
  ['same', '5', [5, 5]],
  [
    'same',
    '5, 10',
    [
      [5, 10],
      [10, 5],
    ],
  ],
  ['same', 'nothing', [[], null]],
  ['different', undefined, [5, 6]],
  ['different', undefined, [[5], [5, 6]]],
  ['unanswered', '5', [5, undefined]],
  ['alone', '5', [5]],
  ['unread', undefined, []],
])('%s, %s in common: %j', (state, common, answers) => {
  expect(convergenceAfter(...answers)).toMatchObject({ state, common })
})

test('a long list says what it lacks', () => {
  const all = Array.from({ length: 20 }, (_, i) => i)

  expect(convergenceAfter(all, all.slice(1))?.nodes.map(({ answer }) => answer)).toEqual([
    '20 values',
    '19 values, without 0',
  ])
})
