import { describe, expect, test } from 'vitest'
import { checkingWork, clientsWork, finalReadsWork } from '../../src/harness/check-progress.ts'

describe('the time of the clients', () => {
  const time = { elapsedMs: 12_345, timeLimitMs: 30_000, events: 987, isStopped: false }

  test('is told as what has passed of all of it', () => {
    expect(clientsWork(time)).toEqual({
      text: '12 of 30 s, 987 events recorded',
      share: { done: 12_345, all: 30_000, isEven: true },
    })
  })

  test.each([
    ['the last fault lasts longer', { ...time, elapsedMs: 31_000 }, '30 of 30 s', 30_000],
    ['the user stops it', { ...time, isStopped: true }, '12 of 30 s', 12_345],
  ])('has an end that nobody knows if %s', (_, given, passed, done) => {
    expect(clientsWork(given)).toEqual({
      text: `${passed}, 987 events recorded, until faults and changes have ended`,
      share: { done, all: 30_000, isEven: false },
    })
  })
})

test('final reads are counted', () => {
  expect(finalReadsWork(3, 40)).toEqual({
    text: '3 of 40 final reads',
    share: { done: 3, all: 40, isEven: true },
  })
})

test('a check counts the operations of clients, not the events', () => {
  const event = { index: 0, time: 0, f: 'read', value: null, process: 0 }
  const look = checkingWork([
    { ...event, process: 'nemesis', type: 'info', f: 'start', value: 'kill n1' },
    { ...event, type: 'invoke' },
    { ...event, type: 'ok' },
    { ...event, type: 'invoke' },
  ])
  expect(look()).toEqual({ text: 'checking 2 operations' })
})
