/** What is told of a member that has no part in a cut. */
import { expect, test } from 'vitest'
import { wordsOf } from '../../../src/node/backup/cut-maker.ts'

test('cut: a member that is silent, refuses, or is older, is told apart', () => {
  expect(wordsOf('n2', { type: 'lost', reason: 'deadline' })).toBe('n2 does not answer')
  expect(wordsOf('n2', { type: 'unsent' })).toBe('n2 does not answer')
  const busy = { type: 'refused', code: 'overloaded', message: 'it is busy' } as const
  expect(wordsOf('n2', busy)).toBe('n2: it is busy')
  // So a node answers that does not know the ask.
  const unknown = { type: 'refused', code: 'bad_message', message: 'unknown ask cut-hold' } as const
  expect(wordsOf('n2', unknown)).toBe('n2 cannot take part before it is upgraded')
})
