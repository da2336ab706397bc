/** The id of a request. */
import { expect, test } from 'vitest'
import { createRequestIds } from '../../../src/api/http/request-id.ts'

test('request id: keeps a sane one and mints another for the rest', () => {
  const requestId = createRequestIds('n1')
  expect(requestId('trace-7/4')).toBe('trace-7/4')
  const minted = [undefined, '', 'a b', 'x'.repeat(129), 'ü', ['a', 'b']].map((given) =>
    requestId(given),
  )
  for (const id of minted) expect(id).toMatch(/^n1-[0-9a-f]{8}-[0-9a-z]+$/)
  expect(new Set(minted).size).toBe(minted.length)
})
