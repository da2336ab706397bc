import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HistoryError } from '../../../src/checker/history/history.ts'
import { siblingsModel } from '../../../src/checker/models/siblings-model.ts'
import { done, historyOf, type Told } from '../recorded.ts'

function check(told: readonly Told[]): ReturnType<typeof siblingsModel.check> {
  return siblingsModel.check(historyOf(told))
}

function kinds(told: readonly Told[]): string[] {
  return check(told).evidence.map(({ kind }) => kind)
}

function blind(id: number, end: 'ok' | 'fail' | 'info' = 'ok'): Told[] {
  return done('write', 'k0', { write: id }, end)
}

function seeing(id: number, saw: number[], end: 'ok' | 'fail' | 'info' = 'ok'): Told[] {
  return done('write', 'k0', { write: id, saw }, end)
}

function read(ids: number[] | null, node = 'n1'): Told[] {
  return done('read', 'k0', ids, 'ok', node)
}

function deleting(id: number, saw?: number[], end: 'ok' | 'fail' | 'info' = 'ok'): Told[] {
  return done('delete', 'k0', saw === undefined ? { write: id } : { write: id, saw }, end)
}

describe('siblings model: deletes', () => {
  test('a delete removes every value that it saw', () => {
    expect(check([...blind(1), ...deleting(2, [1]), ...read([])]).result).toBe('valid')
    expect(kinds([...blind(1), ...deleting(2, [1]), ...read([1])])).toEqual(['resurrected'])
  })

  test('a delete does not remove a value that it did not see', () => {
    expect(kinds([...blind(1), ...seeing(2, []), ...deleting(3, [1]), ...read([])])).toEqual([
      'lost',
    ])
  })

  test('a delete of unknown outcome may have been applied, or not', () => {
    const told = [...blind(1), ...deleting(2, [1], 'info')]
    expect(check([...told, ...read([])]).result).toBe('valid')
    expect(check([...told, ...read([1])]).result).toBe('valid')
  })

  test('a rejected delete removes nothing', () => {
    expect(kinds([...blind(1), ...deleting(2, [1], 'fail'), ...read([])])).toEqual(['lost'])
  })

  test('a value written after a delete stays', () => {
    const told = [...blind(1), ...deleting(2, [1]), ...seeing(3, [])]
    expect(check([...told, ...read([3])]).result).toBe('valid')
    expect(kinds([...told, ...read([])])).toEqual(['lost'])
  })
})

describe('siblings model', () => {
  test('a write that a later one saw may be gone; one that nobody saw may not', () => {
    expect(check([...blind(1), ...seeing(2, [1]), ...read([2])]).result).toBe('valid')
    const verdict = check([...blind(1), ...seeing(2, []), ...read([2])])
    expect(verdict.result).toBe('invalid')
    expect(verdict.evidence[0]).toMatchObject({ kind: 'lost', key: 'k0' })
    expect(verdict.evidence[0]?.words).toMatch(
      /value 1 of key k0 was written .*without a context.* returned only \[2\]/,
    )
  })

  test('a replacement that is itself nowhere excuses nothing', () => {
    expect(kinds([...blind(1), ...seeing(2, [1], 'info'), ...read([])])).toEqual(['lost'])
    expect(kinds([...blind(1), ...seeing(2, [1]), ...seeing(3, [2]), ...read([])])).toHaveLength(3)
  })

  test('a chain of replacements may end in something that is there', () => {
    const chain = [...blind(1), ...seeing(2, [1], 'info'), ...seeing(3, [2])]
    expect(check([...chain, ...read([3])]).result).toBe('valid')
  })

  test('a rejected write replaces nothing', () => {
    expect(kinds([...blind(1), ...seeing(2, [1], 'fail'), ...read([])])).toEqual(['lost'])
  })

  test('a blind write may replace what did not begin after its end, and nothing else', () => {
    expect(check([...blind(1), ...blind(2), ...read([2])]).result).toBe('valid')
    expect(kinds([...blind(1), ...blind(2), ...read([1])])).toEqual(['lost'])
    expect(check([...blind(1, 'info'), ...blind(2), ...read([1])]).result).toBe('valid')
    const [begin, end] = blind(3)
    expect(check([begin!, ...blind(4), end!, ...read([3])]).result).toBe('valid')
  })

  test('a value that was never written, or was rejected, must never be read', () => {
    expect(kinds([...blind(1), ...read([9]), ...seeing(2, [1]), ...read([2])])).toEqual([
      'invented',
    ])
    expect(kinds([...blind(1), ...seeing(2, [], 'fail'), ...read([1, 2])])).toEqual([
      'rejected but applied',
    ])
    expect(kinds([...read([1]), ...blind(1), ...read([1])])).toEqual(['invented'])
  })

  test('a replaced value must not come back', () => {
    expect(kinds([...blind(1), ...seeing(2, [1]), ...read([1, 2])])).toEqual(['resurrected'])
    expect(kinds([...blind(1), ...seeing(2, [1], 'info'), ...read([1, 2])])).toEqual([
      'resurrected',
    ])
    expect(check([...blind(1), ...seeing(2, [1], 'info'), ...read([1])]).result).toBe('valid')
  })

  test('nodes agree at the end if they return the same siblings in any order', () => {
    const both = [...blind(1), ...seeing(2, [])]
    expect(check([...both, ...read([1, 2], 'n1'), ...read([2, 1], 'n2')]).result).toBe('valid')
    expect(
      kinds([...both, ...seeing(3, [], 'info'), ...read([1, 2], 'n1'), ...read([1, 2, 3], 'n2')]),
    ).toEqual(['diverged'])
  })

  test('keys are judged apart', () => {
    const other = done('write', 'k1', { write: 5 })
    expect(kinds([...blind(1), ...other, ...read([1]), ...done('read', 'k1', [])])).toEqual([
      'lost',
    ])
  })

  test('without an acknowledged write or a final read the verdict is unknown', () => {
    expect(check([...blind(1, 'info'), ...read([])]).result).toBe('unknown')
    expect(check(blind(1)).result).toBe('unknown')
    expect(check([...blind(1), ...done('read', 'k0', null, 'fail')]).result).toBe('unknown')
  })

  test('values that are not unique, or not of the form, are no history of this model', () => {
    expect(() => check([...blind(1), ...blind(1)])).toThrow(HistoryError)
    expect(() => check(done('write', 'k0', 7))).toThrow(HistoryError)
  })
})

/**
 * A correct store in miniature: one client after another, an object that holds a set of values, any of which a
 * writer may have overlooked. Yields the history and the values that must be there in the end.
 */
const stepsArbitrary = fc.array(
  fc.record({
    kind: fc.constantFrom('blind' as const, 'seeing' as const, 'seeing' as const, 'stale' as const),
    end: fc.constantFrom(
      'ok' as const,
      'ok' as const,
      'ok' as const,
      'info' as const,
      'fail' as const,
    ),
    applied: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
)

interface Step {
  readonly kind: 'blind' | 'seeing' | 'stale'
  readonly end: 'ok' | 'info' | 'fail'
  readonly applied: boolean
}

interface Story {
  readonly told: Told[]
  readonly values: number[]
  readonly outcomes: readonly { id: number; saw: number[] | undefined; end: Step['end'] }[]
}

function storyOf(steps: readonly Step[]): Story {
  const told: Told[] = []
  const outcomes: { id: number; saw: number[] | undefined; end: Step['end'] }[] = []
  let values: number[] = []
  let before: number[] = []
  steps.forEach(({ kind, end, applied }, id) => {
    const saw = kind === 'blind' ? undefined : kind === 'stale' ? before : values
    told.push(...done('write', 'k0', saw === undefined ? { write: id } : { write: id, saw }, end))
    outcomes.push({ id, saw, end })
    before = values
    if (end === 'fail' || (end === 'info' && !applied)) return
    values = [...(saw === undefined ? [] : values.filter((value) => !saw.includes(value))), id]
  })
  return { told, values, outcomes }
}

/** Whether some choice of which unknown writes took effect explains the final values: brute force. */
function possible(story: Story, final: readonly number[]): boolean {
  const unknown = story.outcomes.filter(({ end }) => end === 'info').map(({ id }) => id)
  for (let choice = 0; choice < 2 ** unknown.length; choice++) {
    let values: number[] = []
    for (const { id, saw, end } of story.outcomes) {
      const applied = end === 'ok' || (end === 'info' && (choice >> unknown.indexOf(id)) % 2 === 1)
      if (!applied) continue
      values = [...(saw === undefined ? [] : values.filter((value) => !saw.includes(value))), id]
    }
    if (values.join() === [...final].sort((a, b) => a - b).join()) return true
  }
  return false
}

describe('siblings model, properties', () => {
  test('a correct history is never invalid', () => {
    fc.assert(
      fc.property(stepsArbitrary, (steps) => {
        const { told, values } = storyOf(steps)
        const verdict = check([...told, ...read(values, 'n1'), ...read(values, 'n2')])
        expect(verdict.evidence.filter(({ kind }) => kind !== 'unjudged')).toEqual([])
      }),
    )
  })

  test('whatever a sequential store could leave is never called invalid', () => {
    fc.assert(
      fc.property(stepsArbitrary, fc.array(fc.nat(11), { maxLength: 4 }), (steps, picks) => {
        const story = storyOf(steps)
        const final = [...new Set(picks)].filter((id) => id < steps.length)
        const { result } = check([...story.told, ...read(final)])
        if (possible(story, final)) expect(result).not.toBe('invalid')
      }),
    )
  })

  test('without blind writes, taking away a value that is there is always found', () => {
    const seeingOnly = stepsArbitrary.map((steps) =>
      steps.map((step) => (step.kind === 'blind' ? { ...step, kind: 'seeing' as const } : step)),
    )
    fc.assert(
      fc.property(seeingOnly, fc.nat(), (steps, pick) => {
        const { told, values, outcomes } = storyOf(steps)
        const acknowledged = values.filter((id) => outcomes[id]?.end === 'ok')
        fc.pre(acknowledged.length > 0)
        const taken = acknowledged[pick % acknowledged.length] as number
        const verdict = check([...told, ...read(values.filter((value) => value !== taken))])
        expect(verdict.result).toBe('invalid')
        expect(verdict.stats['lost']).toBeGreaterThan(0)
      }),
    )
  })

  test('a stranger among the values is always found', () => {
    fc.assert(
      fc.property(stepsArbitrary, (steps) => {
        const { told, values } = storyOf(steps)
        expect(check([...told, ...read([...values, 99])]).stats['invented']).toBe(1)
      }),
    )
  })
})
