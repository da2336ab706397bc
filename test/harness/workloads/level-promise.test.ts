/** A control may break what its level does not promise, and nothing else. */
import { expect, test } from 'vitest'
import { counterModel } from '../../../src/checker/models/counter-model.ts'
import { registerModel } from '../../../src/checker/models/linear-models.ts'
import { isExpected, verdictOnControl } from '../../../src/harness/workloads/level-promise.ts'
import { done, historyOf } from '../../checker/recorded.ts'

const write1 = done('write', 'k', 1)
const write2 = done('write', 'k', 2)

test('level promise: a stale read is expected where nobody promises another one', () => {
  const verdict = registerModel.check(historyOf([...write1, ...write2, ...done('read', 'k', 1)]))
  expect(verdict.result).toBe('invalid')
  expect(verdictOnControl(verdict, 'eventual').sentence).toMatch(/^invalid, as expected: eventual/)
})

test('level promise: the value of a write of unknown outcome may be read', () => {
  const told = [...write1, ...done('write', 'k', 3, 'info'), ...done('read', 'k', 3)]
  const stale = [...write2, ...done('read', 'k', 1)]
  expect(isExpected(registerModel.check(historyOf([...told, ...stale])))).toBe(true)
})

test.each([
  ['nobody wrote', [], 'invented'],
  ['a rejected write had', done('write', 'k', 7, 'fail'), 'rejected'],
])('level promise: a value that %s is expected at no level', (_, rejected, kind) => {
  const told = [...write1, ...rejected, ...done('read', 'k', 7)]
  const verdict = registerModel.check(historyOf(told))
  expect(verdict.kinds).toContain(kind)
  expect(isExpected(verdict)).toBe(false)
  expect(verdictOnControl(verdict, 'eventual').sentence).not.toContain('expected')
})

test('level promise: a counter may lose adds on a control, and not count what was never added', () => {
  const read = (value: number) =>
    counterModel.check(
      historyOf([...done('add', 'k', 2), ...done('add', 'k', 3), ...done('read', 'k', value)]),
    )
  expect(isExpected(read(2))).toBe(true)
  expect(isExpected(read(7))).toBe(false)
})
