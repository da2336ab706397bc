/** Each breach of the causal and of the session model in the smallest history that has it, beside one that has not. */
import { describe, expect, test } from 'vitest'
import { causalModel } from '../../../src/checker/models/causal-model.ts'
import { sessionModel } from '../../../src/checker/models/session-model.ts'
import type { Model } from '../../../src/checker/verdict/verdict.ts'
import { type Deed, deleted, historyOfDeeds, kindsIn, left, saw, wrote } from './causal-told.ts'

interface Example {
  readonly what: string
  readonly deeds: readonly Deed[]
  /** None where the history is valid. */
  readonly kinds: Record<string, number>
  /** What the evidence has to say. */
  readonly words?: RegExp
}

function examples(model: Model, all: readonly Example[]): void {
  test.each(all)('$what', ({ deeds, kinds, words }) => {
    const verdict = model.check(historyOfDeeds(deeds))
    expect(kindsIn(verdict)).toEqual(kinds)
    expect(verdict.result).toBe(Object.keys(kinds).length === 0 ? 'valid' : 'invalid')
    if (words !== undefined)
      expect(verdict.evidence.map((found) => found.words).join()).toMatch(words)
  })
}

describe('causal model', () => {
  examples(causalModel, [
    {
      what: 'a read of a write with an unknown outcome',
      deeds: [wrote(1, 'x', 1, 'info'), saw(2, 'x', 1), ...left('x', 1, 1)],
      kinds: {},
    },
    {
      what: 'a value that nobody wrote to the key',
      deeds: [wrote(1, 'x', 1), wrote(1, 'y', 2), saw(2, 'x', 2), ...left('x', 1), ...left('y', 2)],
      kinds: { invented: 1 },
      words: /nobody wrote/,
    },
    {
      what: 'a value whose write was rejected',
      deeds: [wrote(1, 'x', 1), wrote(1, 'x', 2, 'fail'), saw(2, 'x', 2), ...left('x', 1)],
      kinds: { rejectedButApplied: 1 },
      words: /was rejected/,
    },
    {
      what: 'an effect that is its own cause',
      deeds: [
        saw(1, 'x', 1),
        wrote(1, 'y', 2),
        saw(2, 'y', 2),
        wrote(2, 'x', 1),
        ...left('x', 1),
        ...left('y', 2),
      ],
      kinds: { cycle: 1 },
      words: /cause and effect form a cycle/,
    },
    {
      what: 'a client sees an effect, but not its cause',
      deeds: [
        wrote(1, 'x', 1),
        wrote(1, 'y', 2),
        saw(2, 'y', 2),
        saw(2, 'x', null),
        ...left('x', 1),
        ...left('y', 2),
      ],
      kinds: { missingCause: 1 },
    },
    {
      what: 'a client sees the cause too late, but before the effect',
      deeds: [
        wrote(1, 'x', 1),
        wrote(1, 'y', 2),
        saw(2, 'x', null),
        saw(2, 'y', 2),
        ...left('x', 1),
        ...left('y', 2),
      ],
      kinds: {},
    },
    {
      what: 'the cause went through a third session and a write of unknown outcome',
      deeds: [
        wrote(1, 'x', 1),
        saw(2, 'x', 1),
        wrote(2, 'y', 2, 'info'),
        saw(3, 'y', 2),
        saw(3, 'x', null),
        ...left('x', 1),
        ...left('y', 2),
      ],
      kinds: { missingCause: 1 },
    },
    {
      what: 'a stale value, after the reader saw an effect of its replacement',
      deeds: [
        wrote(1, 'x', 1),
        wrote(1, 'x', 2),
        wrote(1, 'y', 3),
        saw(2, 'y', 3),
        saw(2, 'x', 1),
        ...left('x', 2),
        ...left('y', 3),
      ],
      kinds: { staleRead: 1 },
    },
    {
      what: 'a stale value whose replacement the reader cannot know',
      deeds: [wrote(1, 'x', 1), wrote(1, 'x', 2), saw(2, 'x', 1), ...left('x', 2, 2)],
      kinds: {},
    },
    {
      what: 'a client reads a value that it has deleted',
      deeds: [wrote(1, 'x', 1), deleted(1, 'x'), saw(1, 'x', 1), ...left('x', null)],
      kinds: { staleRead: 1 },
    },
    {
      what: 'nothing after a delete of unknown outcome',
      deeds: [wrote(1, 'x', 1), deleted(1, 'x', 'info'), saw(1, 'x', null), ...left('x', null)],
      kinds: {},
    },
    {
      what: 'two sessions see two writes in two orders',
      deeds: [
        wrote(1, 'x', 1),
        wrote(2, 'x', 2),
        saw(3, 'x', 1),
        saw(3, 'x', 2),
        saw(4, 'x', 2),
        saw(4, 'x', 1),
        ...left('x', 2),
      ],
      kinds: { divergentOrder: 1 },
    },
    {
      what: 'two sessions see two writes side by side, and in one order',
      deeds: [
        wrote(1, 'x', 1),
        wrote(2, 'x', 2),
        saw(3, 'x', 1),
        saw(3, 'x', [1, 2]),
        saw(4, 'x', 2),
        saw(4, 'x', [2, 1]),
        ...left('x', [1, 2], [2, 1]),
      ],
      kinds: {},
    },
    {
      what: 'the final reads return a value that an acknowledged write had replaced',
      deeds: [wrote(1, 'x', 1), wrote(1, 'x', 2), ...left('x', 1, 1)],
      kinds: { lost: 1 },
      words: /only older values/,
    },
    {
      what: 'the final reads return a value that a write of unknown outcome may have replaced',
      deeds: [wrote(1, 'x', 1), wrote(1, 'x', 2, 'info'), ...left('x', 1, 1)],
      kinds: {},
    },
    {
      what: 'the final reads return one of two concurrent writes',
      deeds: [wrote(1, 'x', 1), wrote(2, 'x', 2), ...left('x', 1, 1)],
      kinds: {},
    },
    {
      what: 'nodes that do not agree at the end',
      deeds: [wrote(1, 'x', 1), wrote(2, 'x', 2), ...left('x', 1, 2)],
      kinds: { notConverged: 1 },
      words: /do not agree/,
    },
  ])

  test('is unknown if no key was read at the end, or nothing was read at all', () => {
    const unread = causalModel.check(historyOfDeeds([wrote(1, 'x', 1), saw(1, 'x', 1)]))
    expect(unread.result).toBe('unknown')
    const blind = causalModel.check(historyOfDeeds([wrote(1, 'x', 1)]))
    expect(blind.result).toBe('unknown')
  })

  test('says unknown where cause and effect need more memory than there is', () => {
    const deeds = Array.from({ length: 400 }, (_, i) => wrote(i, 'x', i))
    const history = historyOfDeeds([...deeds, ...left('x', 399)])
    expect(causalModel.check(history).result).toBe('valid')
    expect(causalModel.check(history, { memoryBytes: 1000 }).result).toBe('unknown')
  })
})

describe('session model', () => {
  examples(sessionModel, [
    {
      what: 'an own write is not there',
      deeds: [wrote(1, 'x', 1), saw(1, 'x', null), ...left('x', 1)],
      kinds: { readYourWrites: 1 },
    },
    {
      what: "another's write is not there",
      deeds: [wrote(1, 'x', 1), saw(2, 'x', null), ...left('x', 1)],
      kinds: {},
    },
    {
      what: 'an own write that a concurrent one took the place of',
      deeds: [wrote(1, 'x', 1), wrote(2, 'x', 2), saw(1, 'x', 2), ...left('x', 2)],
      kinds: {},
    },
    {
      what: 'a value that was there is gone',
      deeds: [wrote(1, 'x', 1), saw(2, 'x', 1), saw(2, 'x', null), ...left('x', 1)],
      kinds: { monotonicReads: 1 },
    },
    {
      what: 'the second write of a session is there, its first is not',
      deeds: [
        wrote(1, 'x', 1),
        wrote(1, 'y', 2),
        saw(2, 'y', 2),
        saw(2, 'x', null),
        ...left('x', 1),
        ...left('y', 2),
      ],
      kinds: { monotonicWrites: 1 },
    },
    {
      what: 'a write is there, what its session had read before is not',
      deeds: [
        wrote(1, 'x', 1),
        saw(2, 'x', 1),
        wrote(2, 'y', 2),
        saw(3, 'y', 2),
        saw(3, 'x', null),
        ...left('x', 1),
        ...left('y', 2),
      ],
      kinds: { writesFollowReads: 1 },
    },
    {
      what: 'a session goes on after a write of unknown outcome that nobody saw',
      deeds: [wrote(1, 'x', 1), wrote(1, 'x', 2, 'info'), saw(1, 'x', 1), ...left('x', 1)],
      kinds: {},
    },
    {
      what: 'a session goes on after a write of unknown outcome, and loses what it had before',
      deeds: [wrote(1, 'x', 1), wrote(1, 'y', 2, 'info'), saw(1, 'x', null), ...left('x', 1)],
      kinds: { readYourWrites: 1 },
    },
  ])
})
