/** Which media type an Accept header prefers. */
import { expect, test } from 'vitest'
import { preferredType } from '../../../src/api/http/accept.ts'

const TYPES = ['application/json', 'text/html'] as const

test.each([
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['text/html', 'text/html'],
  ['TEXT/HTML', 'text/html'],
  ['text/*', 'text/html'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
  ['application/json, text/html', 'application/json'],
  ['application/json;q=0.5, text/html', 'text/html'],
  ['text/html;q=0, */*', 'application/json'],
  ['text/html;q=0.1', 'text/html'],
  ['text/html;q=nonsense, application/json;q=0.1', 'application/json'],
  ['image/png', 'application/json'],
  ['', 'application/json'],
])('accept: %j prefers %s', (header, type) => {
  expect(preferredType(header, TYPES)).toBe(type)
})
