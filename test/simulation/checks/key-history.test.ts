/** Hand-made histories of one key: each promise is shown to be looked at, and not to be asked too much of. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KeyHistory, type Write } from '../../../src/simulation/checks/key-history.ts'
import { Violation } from '../../../src/simulation/checks/violation.ts'

const SECOND = 1_000_000
/** Beyond every grace that is given. */
const LATER = 1000 * SECOND

let history = new KeyHistory('default/key')
let ids = 0
beforeEach(() => {
  history = new KeyHistory('default/key')
  ids = 0
})

interface Options {
  readonly over?: readonly string[]
  readonly level?: 'weak' | 'eventual' | 'quorum'
  readonly expiresUs?: number
  readonly isSure?: boolean
}

function begin(startUs: number, value: string | undefined, options: Options = {}): Write {
  const { over, level = 'quorum', expiresUs = Infinity, isSure = true } = options
  const write: Write = {
    id: ids++,
    value,
    startUs,
    endUs: Infinity,
    outcome: 'pending',
    isQuorum: level === 'quorum',
    isCounted: level !== 'weak',
    replaced: over,
    isSure,
    expiresUs,
  }
  history.begin(write)
  return write
}

/** A write from its beginning to the second after it. */
function wrote(
  atUs: number,
  value: string | undefined,
  options: Options & { readonly outcome?: 'ok' | 'rejected' | 'unknown' } = {},
): void {
  const write = begin(atUs, value, options)
  history.end(write, options.outcome ?? 'ok', atUs + SECOND)
}

function read(atUs: number, ...values: string[]): void {
  history.seenAtQuorum(values, atUs, atUs + SECOND)
}

function breaks(invariant: string, told: string, act: () => void): void {
  let thrown: unknown
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(Violation)
  const { invariant: broken, message, key } = thrown as Violation
  expect({ invariant: broken, key }).toEqual({ invariant, key: 'default/key' })
  expect(message).toContain(told)
}

describe('a value is reported as invented', () => {
  it('if nobody wrote it', () => {
    wrote(0, 'a')
    breaks('invented', 'a read returned b, but nobody wrote it', () => history.seen(['a', 'b']))
  })

  it('but not if its write is under way or has an unknown outcome', () => {
    begin(0, 'a', { over: [] })
    wrote(0, 'b', { over: [], outcome: 'unknown' })
    history.seen(['a', 'b'])
    history.seenAtRest(['a', 'b'], LATER)
  })
})

describe('a rejected value', () => {
  it('must not be read afterwards', () => {
    wrote(0, 'a', { outcome: 'rejected' })
    breaks('rejected', 'a read returned a, but its write was rejected', () => history.seen(['a']))
  })

  it('must not have been read before', () => {
    const write = begin(0, 'a')
    history.seen(['a'])
    breaks('rejected', 'the write of a was rejected after a read', () =>
      history.end(write, 'rejected', SECOND),
    )
  })

  it('does not excuse the absence of a value that it would have replaced', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b', { outcome: 'rejected' })
    wrote(4 * SECOND, undefined, { over: ['a'], outcome: 'rejected' })
    breaks('quorum-read', 'a quorum acknowledged a before', () => read(6 * SECOND))
    history.seenAtRest(['a'], LATER)
  })
})

describe('a rejected blind write', () => {
  it('does not excuse the absence of a value written while it was under way', () => {
    const blind = begin(0, 'b')
    wrote(SECOND, 'a', { over: [] })
    history.end(blind, 'rejected', 3 * SECOND)
    wrote(3 * SECOND, 'c', { over: [] })
    breaks('quorum-read', 'a quorum acknowledged a before', () => read(5 * SECOND, 'c'))
  })
})

describe('a quorum read', () => {
  it('may find nothing before a write is acknowledged at a quorum', () => {
    begin(0, 'a', { over: [] })
    wrote(0, 'b', { over: [], outcome: 'unknown' })
    wrote(0, 'c', { over: [], level: 'eventual' })
    read(SECOND / 2)
    read(2 * SECOND)
  })

  it('must return a value that a quorum acknowledged before it began', () => {
    wrote(0, 'a')
    wrote(0, 'b', { over: [] })
    breaks('quorum-read', 'a quorum acknowledged b before', () => read(2 * SECOND, 'a'))
  })

  it('need not return a value that was acknowledged later, at a weaker level, or not at all', () => {
    wrote(0, 'z')
    wrote(0, 'a', { over: [], level: 'eventual' })
    wrote(0, 'b', { over: [], level: 'weak' })
    wrote(0, 'c', { over: [], outcome: 'unknown' })
    begin(0, 'd', { over: [] })
    wrote(2 * SECOND, 'e', { over: [] })
    read(3 * SECOND, 'z')
  })

  it('must not return a value that a quorum write replaced before it began', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b', { over: ['a'] })
    read(4 * SECOND, 'b')
    breaks('quorum-read', 'returned a, but a quorum write had replaced it', () =>
      read(4 * SECOND, 'a', 'b'),
    )
  })

  it('must not return a value that a blind quorum write replaced', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b')
    read(4 * SECOND, 'b')
    breaks('quorum-read', 'returned a, but a quorum write had replaced it', () =>
      read(4 * SECOND, 'a', 'b'),
    )
  })

  it('may return a value that was replaced at a weaker level, or during the read', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b', { over: ['a'], level: 'eventual' })
    read(4 * SECOND, 'a')
    wrote(5 * SECOND, 'c', { over: ['a'] })
    read(5 * SECOND, 'a', 'b')
  })

  it('must return a value that an earlier quorum read returned', () => {
    wrote(0, 'a', { over: [], level: 'eventual' })
    wrote(0, 'b', { over: [], level: 'eventual' })
    read(2 * SECOND, 'b')
    read(4 * SECOND, 'a', 'b')
    breaks('quorum-read', 'a quorum read returned a before', () => read(6 * SECOND, 'b'))
  })

  it('need not return a value of a read that has not ended', () => {
    wrote(0, 'a', { over: [], level: 'eventual' })
    wrote(0, 'b', { over: [], level: 'eventual' })
    read(2 * SECOND, 'a', 'b')
    history.seenAtQuorum(['b'], 2 * SECOND, 4 * SECOND)
  })

  it('need not return a value that a write under way, or of unknown outcome, may have replaced', () => {
    wrote(0, 'a')
    wrote(0, 'b', { over: [] })
    begin(2 * SECOND, 'c', { over: ['a'] })
    wrote(2 * SECOND, 'd', { over: ['b'], outcome: 'unknown' })
    read(4 * SECOND, 'd')
  })

  it('need not return a value that an earlier blind write may have replaced', () => {
    const blind = begin(0, 'b')
    wrote(SECOND, 'a', { over: [] })
    history.end(blind, 'ok', 3 * SECOND)
    read(5 * SECOND, 'b')
  })

  it('must find a value if the key was written and never deleted', () => {
    // Two that replace each other: either may be gone, but not both.
    const one = begin(0, 'a')
    const other = begin(0, 'b')
    history.end(one, 'ok', SECOND)
    history.end(other, 'ok', SECOND)
    read(2 * SECOND, 'a')
    breaks('lost', 'never deleted, but a read found it absent', () => read(4 * SECOND))
  })

  it.each([
    ['a delete under way', () => void begin(2 * SECOND, undefined)],
    ['a delete of unknown outcome', () => wrote(2 * SECOND, undefined, { outcome: 'unknown' })],
    ['a value that expires', () => wrote(2 * SECOND, 'c', { expiresUs: 3 * SECOND })],
  ])('may find nothing after %s', (_what, end) => {
    wrote(0, 'a')
    end()
    read(4 * SECOND)
  })

  it('must find a value if the only delete was rejected', () => {
    const one = begin(0, 'a')
    const other = begin(0, 'b')
    history.end(one, 'ok', SECOND)
    history.end(other, 'ok', SECOND)
    wrote(2 * SECOND, undefined, { outcome: 'rejected' })
    breaks('lost', 'found it absent', () => read(4 * SECOND))
  })
})

describe('at rest', () => {
  it.each(['eventual', 'quorum'] as const)('a value acknowledged at %s is present', (level) => {
    wrote(0, 'a', { over: [], level })
    wrote(0, 'b', { over: [], level })
    history.seenAtRest(['a', 'b'], LATER)
    breaks('lost', 'the write of b was acknowledged', () => history.seenAtRest(['a'], LATER))
  })

  it('a value that was rejected, unknown or written at weak may be missing', () => {
    wrote(0, 'z', { over: [] })
    wrote(0, 'a', { over: [], level: 'weak' })
    wrote(0, 'b', { over: [], outcome: 'unknown' })
    wrote(0, 'c', { over: [], outcome: 'rejected' })
    history.seenAtRest(['z'], LATER)
  })

  it.each(['eventual', 'quorum'] as const)('a value replaced at %s does not come back', (level) => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b', { over: ['a'], level })
    history.seenAtRest(['b'], LATER)
    breaks('resurrected', 'a came back', () => history.seenAtRest(['a', 'b'], LATER))
  })

  it('a deleted value does not come back', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, undefined, { over: ['a'] })
    history.seenAtRest([], LATER)
    breaks('resurrected', 'a came back', () => history.seenAtRest(['a'], LATER))
  })

  it('a value that a weaker remove may have missed may be present or not', () => {
    wrote(0, 'a', { over: [] })
    wrote(2 * SECOND, undefined, { over: ['a'], level: 'eventual', isSure: false })
    history.seenAtRest(['a'], LATER)
    history.seenAtRest([], LATER)
  })

  it('a value that a blind write or a write of unknown outcome may have replaced may be missing', () => {
    wrote(0, 'a', { over: [] })
    wrote(0, 'b', { over: [] })
    wrote(2 * SECOND, 'c', { over: ['a'], outcome: 'unknown' })
    wrote(2 * SECOND, 'd', { outcome: 'unknown' })
    wrote(LATER, 'e', { over: [] })
    history.seenAtRest(['e'], 2 * LATER)
    breaks('lost', 'the write of e was acknowledged', () =>
      history.seenAtRest(['a', 'b'], 2 * LATER),
    )
  })

  it('a blind write of unknown outcome does not excuse the absence of a much later value', () => {
    wrote(0, 'a', { outcome: 'unknown' })
    wrote(10 * SECOND, 'soon after', { over: [] })
    wrote(100 * SECOND, 'long after', { over: [] })
    history.seenAtRest(['long after'], LATER)
    breaks('lost', 'long after', () => history.seenAtRest(['soon after'], LATER))
  })

  it('an expired value is absent, and an unexpired one is present', () => {
    wrote(0, 'a', { over: [], expiresUs: 5 * SECOND })
    history.seenAtRest(['a'], 4 * SECOND)
    history.seenAtRest([], LATER)
    breaks('expired', 'a read returned a, but it has expired', () =>
      history.seenAtRest(['a'], LATER),
    )
  })

  it('a key that was only written has a value', () => {
    wrote(0, 'a')
    const later = begin(2 * SECOND, 'b')
    const last = begin(2 * SECOND, 'c')
    history.end(later, 'ok', 3 * SECOND)
    history.end(last, 'ok', 3 * SECOND)
    history.seenAtRest(['c'], LATER)
    breaks('lost', 'never deleted, but a read found it absent', () => history.seenAtRest([], LATER))
  })
})

describe('a long history', () => {
  it('still reports violations', () => {
    let last: string[] = []
    for (let i = 0; i < 5000; i++) {
      const startUs = 4 * i * SECOND
      wrote(startUs, `v${i}`, { over: last })
      last = [`v${i}`]
      read(startUs + 2 * SECOND, ...last)
    }
    const nowUs = 30_000 * SECOND
    breaks('quorum-read', 'returned v4998, but a quorum write had replaced it', () =>
      read(nowUs, 'v4999', 'v4998'),
    )
    breaks('quorum-read', 'a quorum acknowledged v4999 before', () => read(nowUs))
    // Too long ago to be known: it is broken all the same.
    expect(() => read(nowUs, 'v4999', 'v0')).toThrow(Violation)
  })
})
