import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HistoryError } from '../../../src/checker/history/history.ts'
import { setModel } from '../../../src/checker/models/set-model.ts'
import { done, historyOf, type Told } from '../recorded.ts'

const NODES = ['n1', 'n2', 'n3']

function check(told: readonly Told[]): ReturnType<typeof setModel.check> {
  return setModel.check(historyOf(told))
}

describe('set model', () => {
  test('an acknowledged element that one node does not return is lost, and the words say where', () => {
    const verdict = check([
      ...done('add', 'k0', 1, 'ok', 'n2'),
      ...done('add', 'k0', 2),
      ...done('read', 'k0', [1, 2], 'ok', 'n1'),
      ...done('read', 'k0', [2], 'ok', 'n3'),
    ])
    expect(verdict.result).toBe('invalid')
    expect(verdict.stats['lost']).toBe(1)
    expect(verdict.evidence[0]?.words).toMatch(
      /element 1 of key k0 .*acknowledged by n2 at 0.001 s.*missing from the final read through n3 at 0.007 s, although .* n1/,
    )
  })

  test('an absent key has lost all its elements', () => {
    const verdict = check([...done('add', 'k0', 1), ...done('read', 'k0', null)])
    expect(verdict.stats['lost']).toBe(1)
  })

  test('an element of one key does not excuse its absence from another', () => {
    const verdict = check([
      ...done('add', 'k0', 1),
      ...done('read', 'k0', []),
      ...done('read', 'k1', [1]),
    ])
    expect(verdict.stats).toMatchObject({ lost: 1, unexpected: 1 })
  })

  test('reads before the last add are not final', () => {
    const verdict = check([
      ...done('add', 'k0', 1),
      ...done('read', 'k0', []),
      ...done('add', 'k0', 2),
      ...done('read', 'k0', [1, 2]),
    ])
    expect(verdict.result).toBe('valid')
  })

  test('a repeated final read counts as its last success', () => {
    const verdict = check([
      ...done('add', 'k0', 1),
      ...done('read', 'k0', null, 'fail'),
      ...done('read', 'k0', [1]),
    ])
    expect(verdict.result).toBe('valid')
  })

  test('without a final read, or without an acknowledged add, nothing can be told', () => {
    expect(check(done('add', 'k0', 1)).result).toBe('unknown')
    expect(check([...done('add', 'k0', 1), ...done('read', 'k0', null, 'fail')]).result).toBe(
      'unknown',
    )
    expect(check([...done('add', 'k0', 1, 'fail'), ...done('read', 'k0', [])]).result).toBe(
      'unknown',
    )
    expect(check([]).result).toBe('unknown')
  })

  test('a loss on one node outweighs another node that did not answer', () => {
    const verdict = check([
      ...done('add', 'k0', 1),
      ...done('read', 'k0', null, 'fail', 'n1'),
      ...done('read', 'k0', [], 'ok', 'n2'),
    ])
    expect(verdict.result).toBe('invalid')
  })

  test('an element tried again after a rejection may be there', () => {
    const verdict = check([
      ...done('add', 'k0', 1, 'fail'),
      ...done('add', 'k0', 1, 'info'),
      ...done('add', 'k0', 2),
      ...done('read', 'k0', [1, 2]),
    ])
    expect(verdict.result).toBe('valid')
    expect(verdict.stats['recovered']).toBe(1)
  })

  test('a read whose value is not a list is not a history of a set', () => {
    expect(() => check([...done('add', 'k0', 1), ...done('read', 'k0', 1)])).toThrow(HistoryError)
  })
})

/** A run without a fault: some elements, their outcomes, and which of the unknown ones took effect. */
const elementsArbitrary = fc.array(
  fc.record({
    key: fc.constantFrom('k0', 'k1'),
    end: fc.constantFrom('ok' as const, 'ok' as const, 'info' as const, 'fail' as const),
    applied: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
)

interface Outcome {
  readonly key: string
  readonly end: 'ok' | 'fail' | 'info'
  readonly applied: boolean
}

function adds(outcomes: readonly Outcome[]): Told[] {
  return outcomes.flatMap(({ key, end }, element) => done('add', key, element, end))
}

function correctFinals(outcomes: readonly Outcome[]): Map<string, number[]> {
  const finals = new Map<string, number[]>([
    ['k0', []],
    ['k1', []],
  ])
  outcomes.forEach(({ key, end, applied }, element) => {
    if (end === 'ok' || (end === 'info' && applied)) finals.get(key)?.push(element)
  })
  return finals
}

function reads(finals: ReadonlyMap<string, number[]>): Told[] {
  return [...finals].flatMap(([key, value]) =>
    NODES.flatMap((node) => done('read', key, value, 'ok', node)),
  )
}

describe('set model, properties', () => {
  test('a correct history is valid, or unknown where nothing was acknowledged', () => {
    fc.assert(
      fc.property(elementsArbitrary, (outcomes) => {
        const { result } = check([...adds(outcomes), ...reads(correctFinals(outcomes))])
        expect(result).toBe(outcomes.some(({ end }) => end === 'ok') ? 'valid' : 'unknown')
      }),
    )
  })

  test('removing an acknowledged, surfacing a rejected, or inventing an element is found', () => {
    fc.assert(
      fc.property(elementsArbitrary, fc.nat(), (outcomes, pick) => {
        const element = pick % outcomes.length
        const { key, end } = outcomes[element] as Outcome
        const finals = correctFinals(outcomes)
        const own = finals.get(key) as number[]
        if (end === 'ok')
          finals.set(
            key,
            own.filter((other) => other !== element),
          )
        else if (end === 'fail') own.push(element)
        else own.push(outcomes.length + pick)
        const verdict = check([...adds(outcomes), ...reads(finals)])
        const kind = { ok: 'lost', fail: 'rejected but applied', info: 'unexpected' }[end]
        expect(verdict.result).toBe('invalid')
        expect(verdict.evidence.map((evidence) => evidence.kind)).toContain(kind)
      }),
    )
  })
})
