import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counterModel } from '../../../src/checker/models/counter-model.ts'
import { HistoryError } from '../../../src/checker/history/history.ts'
import { done, historyOf, type Told } from '../recorded.ts'

function check(told: readonly Told[]): ReturnType<typeof counterModel.check> {
  return counterModel.check(historyOf(told))
}

function kinds(told: readonly Told[]): string[] {
  return check(told).evidence.map(({ kind }) => kind)
}

function add(delta: number, end: 'ok' | 'fail' | 'info' = 'ok'): Told[] {
  return done('add', 'k0', delta, end)
}

function read(value: number | null, node = 'n1'): Told[] {
  return done('read', 'k0', value, 'ok', node)
}

describe('counter model', () => {
  test('only the sum of the acknowledged adds is valid', () => {
    expect(check([...add(2), ...add(-5), ...read(-3)]).result).toBe('valid')
    const verdict = check([...add(2), ...add(3), ...read(2, 'n3')])
    expect(verdict.result).toBe('invalid')
    expect(verdict.evidence[0]).toMatchObject({ kind: 'miscounted', key: 'k0' })
    expect(verdict.evidence[0]?.words).toMatch(
      /final read of key k0 through n3 at 0.005 s returned 2, but the acknowledged adds sum to 5/,
    )
  })

  test('an add of unknown outcome counts once or not at all, but never twice', () => {
    const unknown = [...add(1), ...add(10, 'info')]
    expect(check([...unknown, ...read(1)]).result).toBe('valid')
    expect(check([...unknown, ...read(11)]).result).toBe('valid')
    expect(kinds([...unknown, ...read(21)])).toContain('miscounted')
  })

  test('a rejected add does not count', () => {
    expect(check([...add(1), ...add(10, 'fail'), ...read(1)]).result).toBe('valid')
    expect(kinds([...add(1), ...add(10, 'fail'), ...read(11)])).toContain('miscounted')
  })

  test('an absent counter is 0', () => {
    expect(check([...add(4), ...add(-4), ...read(null)]).result).toBe('valid')
    expect(kinds([...add(4), ...read(null)])).toContain('miscounted')
  })

  test('nodes that do not agree are told, even where each number alone is possible', () => {
    const told = [...add(1), ...add(10, 'info'), ...read(1, 'n1'), ...read(11, 'n2')]
    expect(kinds(told)).toEqual(['diverged'])
  })

  test('a read on the way may lack what is under way, and may not have what was never begun', () => {
    expect(check([...add(5), ...read(0), ...add(1), ...read(6)]).result).toBe('valid')
    expect(kinds([...add(5), ...read(6), ...add(1), ...read(6)])).toEqual(['impossible'])
    expect(kinds([...add(5), ...read(-1), ...add(-1), ...read(4)])).toEqual(['impossible'])
  })

  test('without a final read, or without anything acknowledged, nothing can be said', () => {
    expect(check(add(1)).result).toBe('unknown')
    expect(check([...add(1, 'info'), ...read(1)]).result).toBe('unknown')
  })

  test('a number that is none is an error of the history', () => {
    expect(() => check([...done('add', 'k0', 'one'), ...read(1)])).toThrow(HistoryError)
  })

  test('judges a final read as trying every subset of the unknown ones does', () => {
    const ends = fc.constantFrom('ok' as const, 'fail' as const, 'info' as const)
    const adds = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), ends), { maxLength: 8 })
    fc.assert(
      fc.property(adds, fc.integer({ min: -40, max: 40 }), (deltas, value) => {
        const told = [
          ...add(1),
          ...deltas.flatMap(([delta, end]) => add(delta, end)),
          ...read(value),
        ]
        const certain = deltas
          .filter(([, end]) => end === 'ok')
          .reduce((sum, [delta]) => sum + delta, 1)
        const open = deltas.filter(([, end]) => end === 'info').map(([delta]) => delta)
        let isPossible = false
        for (let subset = 0; subset < 2 ** open.length; subset++) {
          const sum = open.reduce((all, d, i) => ((subset >> i) & 1 ? all + d : all), certain)
          if (sum === value) isPossible = true
        }
        expect(kinds(told).includes('miscounted')).toBe(!isPossible)
      }),
    )
  })
})
