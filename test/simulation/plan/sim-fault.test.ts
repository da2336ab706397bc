import { describe, expect, it } from 'vitest'
import {
  cutPairs,
  describeFault,
  type Fault,
  FAULT_KINDS,
  type FaultKind,
  faultNumber,
} from '../../../src/simulation/plan/sim-fault.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'

const NODES = ['a', 'b', 'c', 'd', 'e']

/** Whom each node can still send to, itself included. */
function reachable(kind: FaultKind, nodes = NODES): Record<string, string> {
  const cut = new Set(cutPairs({ kind, nodes }).map(([from, to]) => `${from}>${to}`))
  return Object.fromEntries(
    nodes.map((from) => [from, nodes.filter((to) => !cut.has(`${from}>${to}`)).join('')]),
  )
}

describe('a fault', () => {
  const drawn = Array.from({ length: 2000 }, (_, i) =>
    faultNumber(new SeededRandom(`fault ${i}`), FAULT_KINDS, NODES, 30),
  )

  it.each(FAULT_KINDS)('can have kind %s, which its description names', (kind) => {
    const some = drawn.filter((fault) => fault.kind === kind)
    expect(some.length).toBeGreaterThan(20)
    for (const fault of some) {
      const told = describeFault(fault)
      const name = kind === 'oneway' ? 'cut' : kind === 'lost-quorum' ? 'lose the data of' : kind
      expect(told).toContain(name)
      expect(told).not.toContain('undefined')
    }
  })

  it('can hit any node with any strength, kind of cut and duration', () => {
    expect(new Set(drawn.map(({ nodes }) => nodes[0]))).toEqual(new Set(NODES))
    expect(new Set(drawn.map(({ cut }) => cut))).toEqual(new Set(['reset', 'mute', 'hold']))
    expect(new Set(drawn.map(({ strength }) => strength)).size).toBe(100)
    const lasts = drawn.map(({ startMs, endMs }) => endMs - startMs)
    expect(Math.min(...lasts)).toBeLessThan(1000)
    expect(Math.max(...lasts)).toBeGreaterThan(20_000)
  })

  it('names the nodes that it hits', () => {
    const fault: Fault = {
      kind: 'partition',
      startMs: 1000,
      endMs: 3500,
      nodes: NODES,
      cut: 'mute',
      strength: 7,
    }
    expect(describeFault(fault)).toBe('partition a,b / c,d,e (mute) for 2.5 s')
    expect(describeFault({ ...fault, kind: 'oneway' })).toBe('cut a -> b (mute) for 2.5 s')
    expect(describeFault({ ...fault, kind: 'kill' })).toBe('kill a for 2.5 s')
  })
})

describe('a cut', () => {
  it('in two groups keeps the links within each group', () => {
    expect(reachable('partition')).toEqual({ a: 'ab', b: 'ab', c: 'cde', d: 'cde', e: 'cde' })
  })

  it('of kind isolate separates one node', () => {
    expect(reachable('isolate')).toEqual({ a: 'a', b: 'bcde', c: 'bcde', d: 'bcde', e: 'bcde' })
  })

  it('of kind oneway stops one direction of one link', () => {
    expect(reachable('oneway')).toEqual({
      a: 'acde',
      b: 'abcde',
      c: 'abcde',
      d: 'abcde',
      e: 'abcde',
    })
  })

  it('of kind bridge leaves one node that reaches both sides', () => {
    expect(reachable('bridge')).toEqual({ a: 'abcde', b: 'abc', c: 'abc', d: 'ade', e: 'ade' })
  })

  it('of kind ring lets each node reach a majority, and no two the same one', () => {
    const seen = reachable('ring')
    expect(seen).toEqual({ a: 'abe', b: 'abc', c: 'bcd', d: 'cde', e: 'ade' })
  })

  it('of kind flap hits one link', () => {
    expect(reachable('flap')).toEqual({ a: 'acde', b: 'bcde', c: 'abcde', d: 'abcde', e: 'abcde' })
  })

  const CUTS: readonly FaultKind[] = ['partition', 'isolate', 'oneway', 'bridge', 'ring', 'flap']
  it.each(FAULT_KINDS.filter((kind) => !CUTS.includes(kind)))('is not part of %s', (kind) => {
    expect(cutPairs({ kind, nodes: NODES })).toEqual([])
  })
})
