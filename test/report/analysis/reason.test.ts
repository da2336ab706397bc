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

/** Write 1, then replace it by 2. One client reads 2, and then another one reads 1. */
function wentBack(): MadeUpHistory {
  return new MadeUpHistory()
    .operation(1, 'write', { from: 10, to: 20, node: 'n1', input: 1 })
    .operation(2, 'write', { from: 30, to: 90, node: 'n2', input: 2 })
    .operation(3, 'read', { from: 40, to: 50, node: 'n2', output: 2 })
    .operation(4, 'read', { from: 60, to: 70, node: 'n1', output: 1 })
}

describe('why a read is wrong', () => {
  test('names the newer write, and the step that had seen it', () => {
    expect(storyOf(wentBack(), [10, 30, 40, 60]).reason).toBe(
      'Step 2 wrote 2 after step 1 had written 1. Step 3 read 2 and ended before step 4 began, so step 4 must return 2 or a newer value. It returned the older value 1.',
    )
  })

  test('says that an acknowledged write was missing', () => {
    const made = new MadeUpHistory()
      .operation(1, 'write', { from: 10, to: 20, input: 1 })
      .operation(2, 'read', { from: 60, to: 70, output: null })

    expect(storyOf(made, [10, 60]).reason).toBe(
      'Step 1 wrote 1. This write was acknowledged before step 2 began, so step 2 must return 1 or a newer value. It returned no value.',
    )
  })

  test('adds the steps that a lone answer contradicts', () => {
    const { steps, reason } = storyOf(wentBack(), [60])

    expect(steps).toHaveLength(4)
    expect(steps.findIndex((step) => step.type === 'operation' && step.isDeadEnd)).toBe(3)
    expect(reason).toContain('step 4 must return 2')
  })

  test.each([
    ['was written twice', { from: 55, to: 58, input: 1 }],
    ['was written concurrently', { from: 15, to: 35, input: 3 }],
  ])('proves nothing if the value that was read %s', (_, write) => {
    const made = new MadeUpHistory()
      .operation(1, 'write', write.input === 1 ? { from: 10, to: 20, input: 1 } : write)
      .operation(2, 'write', { from: 30, to: 40, input: 2 })
      .operation(3, 'read', { from: 60, to: 70, output: write.input })
    if (write.input === 1) made.operation(4, 'write', write)
    const operations = operationsOf(made.events)
    const read = operations.find(({ f }) => f === 'read')!

    expect(staleProof(read, operations)).toBeUndefined()
  })

  test('explains the other kinds of findings', () => {
    const { reason } = storyOf(wentBack(), [10, 60], { kind: 'monotonic reads' })

    expect(reason).toMatch(/must not read an older one/)
  })
})

describe('how the faults relate to the steps', () => {
  test('names the nodes that a partition separated', () => {
    const made = wentBack().fault('partition n1,n3/n2', [1, 2, 200, 201])

    expect(storyOf(made, [10, 30, 40, 60]).circumstance).toBe(
      'The fault partition n1,n3/n2 separated n1 from n2, so these nodes could not exchange messages during these steps.',
    )
  })

  test('says that no fault was active', () => {
    const made = wentBack().fault('kill n2', [300, 301, 310, 311])

    expect(storyOf(made, [10, 30, 40, 60]).circumstance).toMatch(/^No fault was active/)
  })

  test('ignores a partition if all answering nodes were on one side', () => {
    const made = wentBack().fault('partition n1,n2/n3', [1, 2, 200, 201])

    expect(storyOf(made, [10, 30, 40, 60]).circumstance).toBeUndefined()
  })
})
