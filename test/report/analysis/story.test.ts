import { describe, expect, test } from 'vitest'
import { setModel } from '../../../src/checker/models/set-model.ts'
import { storiesOf, type Step } from '../../../src/report/analysis/story.ts'
import { invokedAt, MadeUpHistory, staleRead, staleVerdict } from '../made-up-run.ts'

/** A step in a word: its number, or what the fault does. */
function briefly(step: Step): string {
  if (step.type === 'gap') return `… ${step.count} …`
  return step.type === 'fault'
    ? `${step.what} ${step.change}`
    : `${step.number} ${step.operation.f} at ${step.operation.node}${step.isDeadEnd ? ' ✗' : ''}`
}

describe('a story', () => {
  test('tells the named operations in their order, and the faults between', () => {
    const history = staleRead()
    const [story] = storiesOf(staleVerdict(history), history)

    expect(story?.already).toEqual([])
    expect(story?.steps.map(briefly)).toEqual([
      '1 write at n1',
      'partition n1/n2,n3 begins',
      '2 write at n1',
      '3 read at n2 ✗',
    ])
  })

  test('begins with the faults that lasted already', () => {
    const history = staleRead()
    const verdict = staleVerdict(history)
    const [evidence] = verdict.evidence
    const late = { ...evidence!, operations: evidence!.operations!.slice(1) }
    const [story] = storiesOf({ ...verdict, evidence: [late] }, history)

    expect(story?.already.map(({ what }) => what)).toEqual(['partition n1/n2,n3'])
    expect(story?.steps.map(briefly)).toEqual(['1 write at n1', '2 read at n2 ✗'])
  })

  test('finds the operations that words tell where none are listed, and the final reads', () => {
    const history = new MadeUpHistory()
      .operation(1, 'add', { from: 10, to: 20, node: 'n1', input: 7 })
      .operation(2, 'add', { from: 12, to: 22, node: 'n2', input: 8 })
      .operation(3, 'read', { from: 30, to: 31, node: 'n1', output: [8] })
      .operation(4, 'read', { from: 32, to: 33, node: 'n2', output: [8] }).events
    const verdict = setModel.check(history)
    const [story] = storiesOf(verdict, history)

    expect(verdict.result).toBe('invalid')
    expect(story?.steps.map(briefly)).toEqual(['1 add at n1', '2 read at n1', '3 read at n2'])
  })

  test('leaves out the middle of many faults in a row', () => {
    const history = new MadeUpHistory()
      .operation(1, 'write', { from: 1, to: 2, input: 1 })
      .operation(1, 'read', { from: 999, to: 1000, output: null })
    for (let at = 10; at < 110; at += 10) history.fault('kill n1', [at, at, at + 5, at + 5])
    const { events } = history
    const verdict = staleVerdict(staleRead())
    const operations = [invokedAt(events, 1), invokedAt(events, 999)]
    const evidence = { ...verdict.evidence[0]!, operations }
    const [story] = storiesOf({ ...verdict, evidence: [evidence] }, events)

    expect(story?.steps.map(briefly)).toEqual([
      '1 write at n1',
      'kill n1 begins',
      'kill n1 ends',
      'kill n1 begins',
      '… 14 …',
      'kill n1 ends',
      'kill n1 begins',
      'kill n1 ends',
      '2 read at n1 ✗',
    ])
  })

  test('without operations is its words alone', () => {
    const history = staleRead()
    const verdict = staleVerdict(history)
    const unjudged = { kind: 'unjudged', key: 'k2', words: 'there is no final read of k2' }
    const [story] = storiesOf({ ...verdict, evidence: [unjudged] }, history)

    expect(story).toEqual({ evidence: unjudged, already: [], steps: [] })
  })
})
