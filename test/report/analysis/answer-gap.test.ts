import { describe, expect, test } from 'vitest'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import { type AnswerGap, gapText, longestGap } from '../../../src/report/analysis/answer-gap.ts'
import { MadeUpHistory } from '../made-up-run.ts'

const MS = 1_000_000

function gapOf({ events }: MadeUpHistory): AnswerGap | undefined {
  return longestGap(events, operationsOf(events))
}

/** In ms, as `node from-to`. */
function spanOf(history: MadeUpHistory): string {
  const gap = gapOf(history)
  return gap === undefined ? 'none' : `${gap.node} ${gap.from / MS}-${gap.to / MS}`
}

/** Whatever else is read before it ends is part of the work. */
function working(): MadeUpHistory {
  return new MadeUpHistory().operation(99, 'write', { from: 99_998, to: 99_999, node: 'n9' })
}

describe('the longest gap', () => {
  test('is the longest of all nodes, from answer to answer while somebody waits', () => {
    const history = working()
      .operation(1, 'read', { from: 0, to: 10 })
      .operation(2, 'read', { from: 5, to: 400 })
      .operation(3, 'read', { from: 0, to: 300, node: 'n2' })

    expect(spanOf(history)).toBe('n1 10-400')
  })

  test('begins with a request where nobody waited before: idle time is none', () => {
    const history = working()
      .operation(1, 'read', { from: 0, to: 10 })
      .operation(1, 'read', { from: 5_000, to: 5_030 })

    expect(spanOf(history)).toBe('n1 5000-5030')
  })

  test('goes on over rejections and unknown outcomes, and ends with a failed condition', () => {
    const history = working()
      .operation(1, 'write', { from: 100, to: 110, outcome: 'fail', error: '503 not_ready' })
      .operation(1, 'write', { from: 150, to: 180, outcome: 'info', error: 'no answer in time' })
      .operation(2, 'cas', { from: 200, to: 220, outcome: 'fail', error: 'mismatch' })

    expect(spanOf(history)).toBe('n1 100-220')
  })

  test('ends with the last request where no answer comes any more', () => {
    const history = working()
      .operation(1, 'read', { from: 0, to: 10 })
      .operation(1, 'write', { from: 100, to: 4_100, outcome: 'info' })

    expect(spanOf(history)).toBe('n1 100-4100')
  })

  test.each([
    'kill n1',
    'pause n1',
    'restart n1',
    'isolate n1',
    'skew n1 +5s',
    'partition n1/n2,n9',
  ])('leaves out a node during %s, and a while after', (fault) => {
    const history = working()
      .operation(1, 'read', { from: 0, to: 10 })
      .operation(1, 'write', { from: 90, to: 1_000, outcome: 'info' })
      .fault(fault, [120, 130, 900, 1_000])
      .operation(2, 'read', { from: 1_500, to: 4_000 })
      .operation(2, 'read', { from: 4_001, to: 4_021 })
      .operation(3, 'read', { from: 200, to: 210, node: 'n2' })

    expect(spanOf(history)).toBe('n1 90-120')
  })

  test('counts the others meanwhile, and names the fault', () => {
    const history = working()
      .operation(1, 'read', { from: 200, to: 612, node: 'n2' })
      .fault('kill n1', [120, 130, 900, 1_000])
      .fault('kill n3', [2_000, 2_001, 2_002, 2_003])
    const gap = gapOf(history) as AnswerGap

    expect(gap.faults).toEqual(['kill n1'])
    expect(gapText(gap)).toBe(
      'n2 gave no answer for 412 ms, from 0.200 s to 0.612 s, during kill n1',
    )
  })

  test('counts the side of a partition that has a majority', () => {
    const history = working()
      .fault('partition n1/n2,n9', [100, 110, 900, 910])
      .operation(1, 'read', { from: 200, to: 700, node: 'n2' })

    expect(spanOf(history)).toBe('n2 200-700')
  })

  test('does not reach into the final reads', () => {
    const history = new MadeUpHistory()
      .operation(1, 'write', { from: 0, to: 10 })
      .operation(2, 'write', { from: 5, to: 60, outcome: 'fail', error: '503 not_ready' })
      .operation(3, 'read', { from: 20_000, to: 20_500 })

    expect(spanOf(history)).toBe('n1 10-60')
  })

  test('is unknown where no node is named', () => {
    const operations = operationsOf(working().events).map((each) => ({ ...each, node: undefined }))

    expect(longestGap(working().events, operations)).toBeUndefined()
  })
})
