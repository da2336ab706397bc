/** Hand-made histories of one key of a last-writer-wins bucket. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Write } from '../../../src/simulation/checks/key-history.ts'
import { RegisterHistory } from '../../../src/simulation/checks/register-history.ts'
import { Violation } from '../../../src/simulation/checks/violation.ts'

const SECOND = 1_000_000

let history = new RegisterHistory('latest/key')
let ids = 0
beforeEach(() => {
  history = new RegisterHistory('latest/key')
  ids = 0
})

function begin(startUs: number, value: string | undefined, isQuorum = true): Write {
  const write: Write = {
    id: ids++,
    value,
    startUs,
    endUs: Infinity,
    outcome: 'pending',
    isQuorum,
    isCounted: true,
    replaced: undefined,
    isSure: true,
    expiresUs: Infinity,
  }
  history.begin(write)
  return write
}

/** A write from its beginning to the second after it. */
function wrote(
  atUs: number,
  value: string | undefined,
  options: { readonly outcome?: 'ok' | 'rejected' | 'unknown'; readonly isQuorum?: boolean } = {},
): void {
  const write = begin(atUs, value, options.isQuorum)
  history.end(write, options.outcome ?? 'ok', atUs + SECOND)
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
  expect({ invariant: broken, key }).toEqual({ invariant, key: 'latest/key' })
  expect(message).toContain(told)
}

describe('a value', () => {
  it('is reported as invented if nobody wrote it', () => {
    wrote(0, 'a')
    history.seen(['a'])
    breaks('invented', 'a read returned b, but nobody wrote it', () => history.seen(['b']))
  })

  it('must not be read after it was rejected', () => {
    wrote(0, 'a', { outcome: 'rejected' })
    breaks('rejected', 'a read returned a, but its write was rejected', () => history.seen(['a']))
  })

  it('must not have been read before it was rejected', () => {
    const write = begin(0, 'a')
    history.seen(['a'])
    breaks('rejected', 'the write of a was rejected after a read', () =>
      history.end(write, 'rejected', SECOND),
    )
  })
})

describe('a quorum read', () => {
  it('must not return a value that ended before a later acknowledged write began', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b')
    history.seenAtQuorum(['b'], 4 * SECOND)
    breaks('quorum-read', 'returned a, but the later write of b', () =>
      history.seenAtQuorum(['a'], 4 * SECOND),
    )
  })

  it('must not return no value if nobody deleted the key', () => {
    wrote(0, 'a')
    breaks('quorum-read', 'returned no value, but the later write of a', () =>
      history.seenAtQuorum([], 2 * SECOND),
    )
  })

  it('must not return no value if the delete came before, or was rejected', () => {
    wrote(0, undefined)
    wrote(2 * SECOND, 'a')
    wrote(4 * SECOND, undefined, { outcome: 'rejected' })
    breaks('quorum-read', 'returned no value, but the later write of a', () =>
      history.seenAtQuorum([], 6 * SECOND),
    )
  })

  it('must not return a value from before a delete', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, undefined)
    history.seenAtQuorum([], 4 * SECOND)
    breaks('quorum-read', 'returned a, but a later delete', () =>
      history.seenAtQuorum(['a'], 4 * SECOND),
    )
  })

  it('may return a value written during the read, or concurrent with the newest', () => {
    const a = begin(0, 'a')
    const b = begin(SECOND / 2, 'b')
    history.end(a, 'ok', SECOND)
    history.end(b, 'ok', 2 * SECOND)
    history.seenAtQuorum(['a'], 3 * SECOND)
    history.seenAtQuorum(['b'], 3 * SECOND)
    wrote(4 * SECOND, 'c')
    history.seenAtQuorum(['b'], 4 * SECOND)
  })

  it.each([
    ['a delete of unknown outcome', { outcome: 'unknown' }],
    ['a delete of a weaker level', { isQuorum: false }],
    ['a delete', {}],
  ] as const)('may give nothing after %s', (_what, options) => {
    wrote(0, 'a')
    wrote(2 * SECOND, undefined, options)
    history.seenAtQuorum([], 4 * SECOND)
  })

  it.each([{ outcome: 'unknown' }, { isQuorum: false }] as const)(
    'may give what a fast clock may have stamped higher: %o',
    (options) => {
      wrote(0, 'a', options)
      wrote(2 * SECOND, 'b')
      history.seenAtQuorum(['a'], 4 * SECOND)
    },
  )

  it('ignores writes that no quorum acknowledged', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b', { isQuorum: false })
    wrote(4 * SECOND, 'c', { outcome: 'unknown' })
    begin(6 * SECOND, 'd')
    history.seenAtQuorum(['a'], 8 * SECOND)
  })
})

describe('the timestamps that quorum reads give', () => {
  it('do not go back', () => {
    history.stampedAtQuorum(100, 0, SECOND)
    history.stampedAtQuorum(200, 2 * SECOND, 3 * SECOND)
    history.stampedAtQuorum(200, 4 * SECOND, 5 * SECOND)
    breaks('quorum-read', 'returned a value with timestamp 199', () =>
      history.stampedAtQuorum(199, 4 * SECOND, 5 * SECOND),
    )
  })

  it('may differ between reads at the same time', () => {
    history.stampedAtQuorum(200, 0, 2 * SECOND)
    history.stampedAtQuorum(100, SECOND, 3 * SECOND)
    breaks('quorum-read', 'had returned timestamp 200', () =>
      history.stampedAtQuorum(100, 4 * SECOND, 5 * SECOND),
    )
  })
})

describe('at rest', () => {
  it('the last acknowledged write is present', () => {
    wrote(0, 'a')
    wrote(2 * SECOND, 'b')
    history.seenAtRest(['b'], 100 * SECOND)
    breaks('quorum-read', 'returned a', () => history.seenAtRest(['a'], 100 * SECOND))
    breaks('quorum-read', 'returned no value', () => history.seenAtRest([], 100 * SECOND))
  })
})

describe('a long history', () => {
  it('still reports violations', () => {
    for (let i = 0; i < 5000; i++) {
      const startUs = 2 * i * SECOND
      wrote(startUs, `v${i}`)
      history.stampedAtQuorum(i, startUs, startUs + SECOND)
    }
    const nowUs = 20_000 * SECOND
    history.seenAtQuorum(['v4999'], nowUs)
    breaks('quorum-read', 'returned v4998', () => history.seenAtQuorum(['v4998'], nowUs))
    breaks('quorum-read', 'returned v0', () => history.seenAtQuorum(['v0'], nowUs))
    breaks('quorum-read', 'had returned timestamp 4999', () =>
      history.stampedAtQuorum(4998, nowUs, nowUs),
    )
  })
})
