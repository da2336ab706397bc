/** Refusals of one token have their own lines and counts, however many tokens are refused. */
import { expect, test } from 'vitest'
import { RefusalQuotas } from '../../../src/api/gate/refusal-quotas.ts'

const web = { token: 'web', isLimited: false }
const other = { token: 'other', isLimited: false }
const limited = { token: 'web', isLimited: true }
const stranger = { token: null, isLimited: false }
/** The name of a token may be the word. */
const named = { token: 'null', isLimited: false }

test('each token has a quota of its own, and so have too many requests', () => {
  const quotas = new RefusalQuotas()
  for (let i = 0; i < 100; i++) quotas.take(web, 0)
  for (const refused of [other, limited, stranger, named])
    expect(quotas.take(refused, 0)).toBe(true)
  for (let i = 0; i < 100; i++) quotas.take(limited, 0)
  expect(quotas.takeMore()).toEqual([
    { ...web, count: 90 },
    { ...limited, count: 91 },
  ])
  expect(quotas.takeMore()).toEqual([])
})

test('no count is lost when more tokens are refused than a cluster has', () => {
  const quotas = new RefusalQuotas()
  const names = Array.from({ length: 2000 }, (_, i) => `t${i}`)
  for (const token of names) {
    for (let i = 0; i < 12; i++) quotas.take({ token, isLimited: false }, 0)
  }
  const counted = quotas.takeMore()
  expect(counted.map(({ token }) => token)).toEqual(names)
  for (const { count } of counted) expect(count).toBe(2)
})
