import { describe, expect, test } from 'vitest'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import {
  faultRows,
  faultsAt,
  faultsOf,
  type FaultRow,
} from '../../../src/report/analysis/fault-table.ts'
import { MadeUpHistory, staleRead } from '../made-up-run.ts'

const MS = 1_000_000

function rowsOf(history: MadeUpHistory): FaultRow[] {
  return faultRows(history.events, operationsOf(history.events))
}

describe('faults', () => {
  test('run from their start to the end of their heal', () => {
    const [fault] = faultsOf(staleRead())

    expect(fault).toEqual({
      what: 'partition n1/n2,n3',
      startAt: 200 * MS,
      startedAt: 250 * MS,
      healAt: 2_000 * MS,
      healedAt: 2_050 * MS,
    })
  })

  test('of the same name are told apart', () => {
    const history = new MadeUpHistory()
      .fault('kill n1', [10, 11, 20, 21])
      .fault('kill n1', [30, 31, undefined, undefined])

    expect(faultsOf(history.events).map(({ healedAt }) => healedAt)).toEqual([21 * MS, undefined])
  })

  test('last until they are healed, or for good', () => {
    const faults = faultsOf(
      new MadeUpHistory()
        .fault('kill n1', [10, 11, 20, 21])
        .fault('kill n2', [15, 16, undefined, undefined]).events,
    )
    const at = (ms: number): string[] => faultsAt(faults, ms * MS).map(({ what }) => what)

    expect([9, 10, 15, 21, 999].map(at)).toEqual([
      [],
      ['kill n1'],
      ['kill n1', 'kill n2'],
      ['kill n2'],
      ['kill n2'],
    ])
  })
})

describe('the table of faults', () => {
  test('counts what was asked while each lasted', () => {
    const history = staleRead()
    const [row] = faultRows(history, operationsOf(history))

    expect(row).toMatchObject({ ok: 2, rejected: 1, unknown: 1 })
  })

  test('says how long after the heal the last node answered again', () => {
    const history = staleRead()
    const [row] = faultRows(history, operationsOf(history))

    expect(row?.recovery).toEqual({ type: 'after heal', afterNs: 100 * MS, isFirstAsk: true })
  })

  test('says when the node had been asked before in vain', () => {
    const rows = rowsOf(
      new MadeUpHistory()
        .fault('kill n1', [10, 11, 20, 21])
        .operation(1, 'read', { from: 12, to: 13, outcome: 'fail' })
        .operation(1, 'read', { from: 22, to: 23, outcome: 'fail' })
        .operation(1, 'read', { from: 30, to: 31 }),
    )

    expect(rows[0]?.recovery).toEqual({ type: 'after heal', afterNs: 10 * MS, isFirstAsk: false })
  })

  test('calls it no outage where nobody noticed', () => {
    const rows = rowsOf(
      new MadeUpHistory()
        .fault('kill n2', [10, 11, 20, 21])
        .operation(1, 'read', { from: 12, to: 13 }),
    )

    expect(rows[0]?.recovery).toEqual({ type: 'no outage' })
  })

  test('says from when on clients were served while it lasted', () => {
    const rows = rowsOf(
      new MadeUpHistory()
        .fault('kill n2', [10, 11, 20, 21])
        .operation(1, 'read', { from: 12, to: 14, outcome: 'info' })
        .operation(2, 'read', { from: 15, to: 16 }),
    )

    expect(rows[0]?.recovery).toEqual({ type: 'during', afterNs: 2 * MS })
  })

  test('names the nodes that did not answer before the next fault', () => {
    const rows = rowsOf(
      new MadeUpHistory()
        .fault('kill n2', [10, 11, 20, 21])
        .fault('kill n1', [30, 31, 40, 41])
        .operation(1, 'read', { from: 22, to: 23, node: 'n1' })
        .operation(2, 'read', { from: 50, to: 51, node: 'n2' }),
    )

    expect(rows[0]?.recovery).toEqual({
      type: 'not seen',
      nodes: ['n2'],
      nextAfterNs: 9 * MS,
    })
  })

  test('of a fault that was never healed', () => {
    const rows = rowsOf(
      new MadeUpHistory()
        .operation(1, 'read', { from: 1, to: 2 })
        .fault('kill n1', [10, 11, undefined, undefined]),
    )

    expect(rows[0]).toMatchObject({
      healedAt: undefined,
      recovery: { type: 'not seen', nodes: ['n1'], nextAfterNs: undefined },
    })
  })
})
