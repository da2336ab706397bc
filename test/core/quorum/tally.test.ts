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

  it('agrees with counting from scratch after every reply', () => {
    const reply = fc.record({ node: fc.constantFrom(...NODES), kind: fc.constantFrom(...KINDS) })
    fc.assert(
      fc.property(
        fc.array(reply),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (replies, need, sloppy) => {
          const tally = new Tally({ need, asked: NODES, sloppy })
          const first = new Map<string, ReplyKind>()
          for (const { node, kind } of replies) {
            tally.record(node, kind)
            if (!first.has(node)) first.set(node, kind)
            const kinds = [...first.values()]
            const counted = kinds.filter((k) => k === 'stored' || (sloppy && k === 'hinted')).length
            const open = NODES.length - first.size
            expect(tally.got).toBe(counted)
            expect(tally.state()).toBe(
              counted >= need ? 'met' : counted + open < need ? 'unmet' : 'pending',
            )
            expect(tally.outcome()).toBe(
              open === 0 && kinds.every((k) => k === 'refused') ? 'rejected' : 'unknown',
            )
          }
        },
      ),
      { numRuns: 500, seed: 20_261_123 },
    )
  })
})
