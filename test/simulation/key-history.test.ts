import { beforeEach, describe, expect, it } from 'vitest'
import { KeyHistory, type Write } from '../../src/simulation/key-history.ts'
import { Violation } from '../../src/simulation/violation.ts'

let history: KeyHistory
let nowUs: number
let nextId: number
beforeEach(() => {
  history = new KeyHistory('default/k')
  nowUs = 0
  nextId = 0
})

interface Told {
  /** Undefined deletes. */
  readonly value?: string
  /** What its context had shown; undefined for a blind one. */
  readonly over?: readonly string[]
  readonly isQuorum?: boolean
  readonly ttlUs?: number
}

function begin({ value, over, isQuorum = true, ttlUs }: Told): Write {
  const write: Write = {
    id: nextId++,
    value,
    startUs: (nowUs += 1000),
    endUs: Infinity,
    outcome: 'pending',
    isQuorum,
    isCounted: true,
    replaced: over,
    isSure: true,
    expiresUs: ttlUs === undefined ? Infinity : nowUs + ttlUs,
  }
  history.begin(write)
  return write
}

function end(write: Write, outcome: 'ok' | 'rejected' | 'unknown' = 'ok'): void {
  history.end(write, outcome, (nowUs += 1000))
}

function quorumRead(...values: string[]): void {
  const startUs = (nowUs += 1000)
  history.seenAtQuorum(values, startUs, (nowUs += 1000))
}

function invariantOf(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error.invariant
    throw error
  }
}

const atRest = (...values: string[]): string | undefined =>
  invariantOf(() => history.seenAtRest(values, (nowUs += 60_000_000)))
const atQuorum = (...values: string[]): string | undefined =>
  invariantOf(() => quorumRead(...values))

describe('the history of a key', () => {
  it('has every completed quorum write in each later quorum read', () => {
    end(begin({ value: 'a', over: [] }))
    expect(atQuorum('a')).toBeUndefined()
    expect(atQuorum()).toBe('quorum-read')
  })

  it('never goes back behind what a quorum read gave, acknowledged or not', () => {
    end(begin({ value: 'a', over: [], isQuorum: false }), 'unknown')
    expect(atQuorum()).toBeUndefined()
    expect(atQuorum('a')).toBeUndefined()
    expect(atQuorum()).toBe('quorum-read')
  })

  it('does not give back what an acknowledged write had replaced', () => {
    end(begin({ value: 'a', over: [] }))
    end(begin({ value: 'b', over: ['a'] }))
    expect(atQuorum('b')).toBeUndefined()
    expect(atQuorum('a', 'b')).toBe('quorum-read')
    expect(atRest('a', 'b')).toBe('resurrected')
  })

  it('holds a blind quorum write to what a quorum had acknowledged before it began', () => {
    end(begin({ value: 'a', over: [] }))
    const late = begin({ value: 'late', over: [] })
    end(begin({ value: 'b' }))
    end(late)
    // Under way at the same time: it may stay, or go.
    expect(atQuorum('b', 'late')).toBeUndefined()
    expect(atQuorum('a', 'b', 'late')).toBe('quorum-read')
  })

  it('holds a blind delete to it as well', () => {
    end(begin({ value: 'a', over: [] }))
    end(begin({}))
    expect(atQuorum()).toBeUndefined()
    expect(atQuorum('a')).toBe('quorum-read')
  })

  it('has nothing of a rejected write, before or after it is told', () => {
    end(begin({ value: 'a', over: [] }), 'rejected')
    expect(atQuorum('a')).toBe('rejected')
    const read = begin({ value: 'b', over: [] })
    expect(invariantOf(() => history.seen(['b']))).toBeUndefined()
    expect(invariantOf(() => end(read, 'rejected'))).toBe('rejected')
  })

  it('has nothing that nobody wrote', () => {
    expect(invariantOf(() => history.seen(['x']))).toBe('invented')
  })

  it('loses no acknowledged write, at any level, once all is at rest', () => {
    end(begin({ value: 'a', over: [], isQuorum: false }))
    end(begin({ value: 'b', over: [], isQuorum: false }))
    expect(atRest('a', 'b')).toBeUndefined()
    expect(atRest('b')).toBe('lost')
  })

  it('excuses the absence of what something under way or unknown may have replaced', () => {
    end(begin({ value: 'a', over: [] }))
    end(begin({ value: 'b', over: ['a'] }), 'unknown')
    expect(atQuorum('a')).toBeUndefined()
    expect(atRest('b')).toBeUndefined()
  })

  it('is never empty where nobody deleted', () => {
    end(begin({ value: 'a', over: [] }))
    end(begin({ value: 'b', over: ['a'] }), 'unknown')
    expect(atQuorum()).toBe('lost')
  })

  it('lets a value with a ttl go, and not stay for long', () => {
    end(begin({ value: 'a', over: [], ttlUs: 1_000_000 }))
    expect(atQuorum()).toBeUndefined()
    expect(atRest('a')).toBe('expired')
  })
})
