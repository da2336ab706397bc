import { expect, test } from 'vitest'
import { operationsOf } from '../../../src/checker/history/operation.ts'
import { proofPicture } from '../../../src/report/markup/proof-picture.ts'
import { MadeUpHistory } from '../made-up-run.ts'

const HOSTILE = '"><img src=x onerror=alert(1)>'

function pictureOf(made: MadeUpHistory): string {
  const operations = operationsOf(made.events)
  return proofPicture(operations, operations.at(-1)).markup
}

test('each client has a column, and each event a line', () => {
  const picture = pictureOf(
    new MadeUpHistory()
      .operation(7, 'write', { from: 10, to: 30, input: 5 })
      .operation(8, 'read', { from: 20, to: 40, output: 5 }),
  )
  expect(picture).toContain('--clients: 2')
  expect(picture).toContain('class="deed ok" style="grid-area: 2 / 2 / 4"')
  expect(picture).toContain('class="deed ok culprit" style="grid-area: 3 / 3 / 5"')
  expect(picture).toMatch(/k1 := <span class="value v0">5<\/span>/)
  expect(picture).toMatch(/k1 = <span class="value v0">5<\/span>/)
})

test('an operation of unknown outcome has no end, and no value has no colour', () => {
  const picture = pictureOf(
    new MadeUpHistory()
      .operation(1, 'cas', { from: 10, to: 20, input: [null, 5], outcome: 'info' })
      .operation(2, 'cas', { from: 30, to: 40, input: [5, 6], outcome: 'fail', error: 'mismatch' })
      .operation(3, 'delete', { from: 50, to: 60 }),
  )
  expect(picture).toContain('class="deed info" style="grid-area: 2 / 2 / 7"')
  expect(picture).toMatch(/k1 = <span class="value none">∅<\/span>\s+:= <span class="value v0">5/)
  expect(picture).toMatch(/k1 ≠ <span class="value v0">5/)
  expect(picture).toMatch(/k1 := <span class="value none">∅/)
})

test('text of a history stays text', () => {
  const strange = { key: HOSTILE, node: HOSTILE, input: HOSTILE }
  const made = new MadeUpHistory().operation(1, 'write', { ...strange, from: 10, to: 20 })
  expect(pictureOf(made)).not.toContain('<img')
  expect(pictureOf(made)).toContain('&quot;')
})
