import { describe, expect, test } from 'vitest'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import type { Evidence } from '../../../src/checker/verdict/verdict.ts'
import { staleProof } from '../../../src/report/analysis/stale-proof.ts'
import { storiesOf, type Story } from '../../../src/report/analysis/story.ts'
import { invokedAt, MadeUpHistory, staleRead, staleVerdict } from '../made-up-run.ts'

function storyOf(made: MadeUpHistory, told: readonly number[], other: Partial<Evidence> = {}) {
  const history = made.events
  const evidence: Evidence = {
    kind: 'not linearizable',
    key: 'k1',
    words: 'no order is left',
    operations: told.map((ms) => invokedAt(history, ms)),
    ...other,
  }
  const verdict = { ...staleVerdict(staleRead()), evidence: [evidence] }
  return storiesOf(verdict, history)[0] as Story
}

/** 1, then 2 in its place, which is read; then 1 again. */
function wentBack(): MadeUpHistory {
  return new MadeUpHistory()
    .operation(1, 'write', { from: 10, to: 20, node: 'n1', input: 1 })
    .operation(2, 'write', { from: 30, to: 90, node: 'n2', input: 2 })
    .operation(3, 'read', { from: 40, to: 50, node: 'n2', output: 2 })
    .operation(4, 'read', { from: 60, to: 70, node: 'n1', output: 1 })
}

describe('why a read is wrong', () => {
  test('says what had replaced what it found, and who had seen that', () => {
    expect(storyOf(wentBack(), [10, 30, 40, 60]).reason).toBe(
      '2 was written in step 2, which began after 1 had been written in step 1. It was read in step 3, which ended before step 4 began, so step 4 should have found 2 or something newer; it found the older 1.',
    )
  })

  test('says that what was acknowledged was not there', () => {
    const made = new MadeUpHistory()
      .operation(1, 'write', { from: 10, to: 20, input: 1 })
      .operation(2, 'read', { from: 60, to: 70, output: null })

    expect(storyOf(made, [10, 60]).reason).toBe(
      '1 was written in step 1. That was acknowledged before step 2 began, so step 2 should have found 1 or something newer; it found nothing there.',
    )
  })

  test('tells what a lone answer contradicts', () => {
    const { steps, reason } = storyOf(wentBack(), [60])

    expect(steps).toHaveLength(4)
    expect(steps.findIndex((step) => step.type === 'operation' && step.isDeadEnd)).toBe(3)
    expect(reason).toContain('step 4 should have found 2')
  })

  test.each([
    ['was written again', { from: 55, to: 58, input: 1 }],
    ['was written at the same time', { from: 15, to: 35, input: 3 }],
  ])('proves nothing where what was found %s', (_, write) => {
    const made = new MadeUpHistory()
      .operation(1, 'write', write.input === 1 ? { from: 10, to: 20, input: 1 } : write)
      .operation(2, 'write', { from: 30, to: 40, input: 2 })
      .operation(3, 'read', { from: 60, to: 70, output: write.input })
    if (write.input === 1) made.operation(4, 'write', write)
    const operations = operationsOf(made.events)
    const read = operations.find(({ f }) => f === 'read')!

    expect(staleProof(read, operations)).toBeUndefined()
  })

  test('has words for what the checks find of other kinds', () => {
    const { reason } = storyOf(wentBack(), [10, 60], { kind: 'monotonic reads' })

    expect(reason).toMatch(/should not read an older one afterwards/)
  })
})

describe('what the faults had to do with it', () => {
  test('says who could not hear whom', () => {
    const made = wentBack().fault('partition n1,n3/n2', [1, 2, 200, 201])

    expect(storyOf(made, [10, 30, 40, 60]).circumstance).toBe(
      'n1 and n2, which answered here, could not hear each other: the fault partition n1,n3/n2 lay between them.',
    )
  })

  test('says that none was needed', () => {
    const made = wentBack().fault('kill n2', [300, 301, 310, 311])

    expect(storyOf(made, [10, 30, 40, 60]).circumstance).toMatch(/^No fault lasted/)
  })

  test('says nothing of a cut that all who answered were on one side of', () => {
    const made = wentBack().fault('partition n1,n2/n3', [1, 2, 200, 201])

    expect(storyOf(made, [10, 30, 40, 60]).circumstance).toBeUndefined()
  })
})
