import { expect, test } from 'vitest'
import { renderIndex, type RunSummary } from '../../src/report/run-index.ts'

const RUN: RunSummary = {
  dir: '20260102T030405-set-a',
  workload: 'set',
  bucket: 'default',
  consistency: 'quorum',
  nemesis: 'mix',
  seed: 'a',
  result: 'valid',
  sentence: 'valid: all is there',
  startedAt: '2026-01-02T03:04:05.000Z',
}

test('lists the newest run first, each with a relative link', () => {
  const page = renderIndex([
    RUN,
    { ...RUN, dir: 'newer', result: 'unknown', startedAt: '2026-02-02T03:04:05.000Z' },
    { ...RUN, dir: 'oldest', result: 'invalid', startedAt: '2025-02-02T03:04:05.000Z' },
  ])

  expect([...page.matchAll(/href="([^"]*\.html)"/g)].map(([, link]) => link)).toEqual([
    './newer/index.html',
    './20260102T030405-set-a/index.html',
    './oldest/index.html',
  ])
  expect(page).toContain('1 valid, 1 invalid, 1 unknown')
})

test('takes everything as text', () => {
  const page = renderIndex([{ ...RUN, dir: '"><script>', sentence: '<script>', seed: '<script>' }])

  expect(page).not.toContain('<script')
})

test('an empty list says that there are no runs', () => {
  expect(renderIndex([])).toContain('There are no runs yet.')
})
