import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ReplyKind, Tally } from '../../../src/core/quorum/tally.ts'

const NODES = ['n1', 'n2', 'n3', 'n4']
const KINDS: readonly ReplyKind[] = ['stored', 'hinted', 'refused', 'lost']

describe('tally', () => {
  it('is met by replies of distinct nodes only', () => {
    const tally = new Tally({ need: 2, asked: NODES, sloppy: false })
    tally.record('n1', 'stored')
    tally.record('n1', 'stored')
    expect(tally.state()).toBe('pending')
    tally.record('n2', 'stored')
    expect(tally.state()).toBe('met')
  })

  it('counts what a fallback keeps only for a sloppy level', () => {
    for (const [sloppy, state] of [
      [true, 'met'],
      [false, 'unmet'],
    ] as const) {
      const tally = new Tally({ need: 1, asked: ['n4'], sloppy })
      tally.record('n4', 'hinted')
      expect(tally.state()).toBe(state)
    }
  })

  it('says rejected only where certainly nothing was applied', () => {
    const tally = new Tally({ need: 2, asked: ['n1', 'n2'], sloppy: false })
    tally.record('n1', 'refused')
    expect(tally.state()).toBe('unmet')
    expect(tally.outcome()).toBe('unknown')
    tally.record('n2', 'refused')
    expect(tally.outcome()).toBe('rejected')
  })

  it('takes no reply of a node that was not asked', () => {
    const tally = new Tally({ need: 1, asked: ['n1'], sloppy: false })
    expect(() => tally.record('n9', 'stored')).toThrow(/n9 was asked/)
  })

  it('hears out a node that stands in for several owners, and counts it once', () => {
    const tally = new Tally({ need: 2, asked: ['n4', 'n4', 'n4'], sloppy: true })
    tally.record('n4', 'refused')
    expect(tally.outcome()).toBe('unknown')
    tally.record('n4', 'hinted')
    tally.record('n4', 'hinted')
    expect([tally.got, tally.hinted]).toEqual([1, 1])
    expect(tally.state()).toBe('unmet')
    expect(tally.outcome()).toBe('unknown')
  })

  it('agrees with counting from scratch after every reply', () => {
    const reply = fc.record({ node: fc.constantFrom(...NODES), kind: fc.constantFrom(...KINDS) })
    // More often asked: n4 stands in for two owners.
    const asked = [...NODES, 'n4']
    fc.assert(
      fc.property(
        fc.array(reply),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (replies, need, sloppy) => {
          const tally = new Tally({ need, asked, sloppy })
          const taken: { node: string; kind: ReplyKind }[] = []
          for (const { node, kind } of replies) {
            tally.record(node, kind)
            const asks = asked.filter((n) => n === node).length
            if (taken.filter((t) => t.node === node).length < asks) taken.push({ node, kind })
            const saidOf = (n: string): ReplyKind[] =>
              taken.filter((t) => t.node === n).map((t) => t.kind)
            const copyOf = (n: string): ReplyKind | undefined =>
              saidOf(n).find((k) => k === 'stored' || k === 'hinted')
            const counts = NODES.filter(
              (n) => copyOf(n) === 'stored' || (sloppy && copyOf(n) === 'hinted'),
            ).length
            const open = NODES.filter(
              (n) =>
                copyOf(n) === undefined && saidOf(n).length < asked.filter((a) => a === n).length,
            ).length
            expect(tally.got).toBe(counts)
            expect(tally.state()).toBe(
              counts >= need ? 'met' : counts + open < need ? 'unmet' : 'pending',
            )
            const allRefused =
              taken.length === asked.length && taken.every((t) => t.kind === 'refused')
            expect(tally.outcome()).toBe(allRefused ? 'rejected' : 'unknown')
          }
        },
      ),
      { numRuns: 500, seed: 20_261_123 },
    )
  })
})
