/** What the bar writes to a terminal, byte by byte, on a clock of the test. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Work } from '../../src/terminal/progress.ts'
import { ProgressBar } from '../../src/terminal/progress-bar.ts'
import type { Sink } from '../../src/terminal/sink.ts'

const ERASE = '\r\u001b[2K'
const HALF = `[${'#'.repeat(12)}${'-'.repeat(12)}]  50 %`

let written: string[]
let nowMs: number
let tick: (() => void) | undefined

beforeEach(() => {
  written = []
  nowMs = 0
  tick = undefined
})

const clock = {
  nowMs: (): number => nowMs,
  every: (_: number, task: () => void): (() => void) => {
    tick = task
    return () => {
      tick = undefined
    }
  },
}

function barOn(terminal: {
  readonly isTerminal?: boolean
  readonly columns?: number
}): ProgressBar {
  const sink: Sink = {
    isTerminal: true,
    isColoured: false,
    columns: 200,
    ...terminal,
    write: async (data) => void written.push(String(data)),
  }
  return new ProgressBar(sink, clock)
}

/** The bar's timer runs for so long. */
function pass(ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs;) {
    nowMs += 100
    tick?.()
  }
}

function half(text: string, isEven = false): Work {
  return { text, share: { done: 1, all: 2, isEven } }
}

describe('the bar', () => {
  test('is drawn at once, and again only if it has changed', () => {
    let work = half('one')
    barOn({}).show(() => work)
    expect(written).toEqual([`${ERASE}${HALF} one`])
    pass(500)
    expect(written).toHaveLength(1)
    work = half('two')
    expect(written).toHaveLength(1)
    pass(100)
    expect(written.slice(1)).toEqual([`${ERASE}${HALF} two`])
  })

  test('is nowhere but on a terminal, and has no timer there', () => {
    const bar = barOn({ isTerminal: false })
    bar.show(() => half('one'))
    bar.clear()
    bar.end()
    expect(written).toEqual([])
    expect(tick).toBeUndefined()
  })

  test('ends before the last column', () => {
    barOn({ columns: 40 }).show(() => half('a long text'))
    expect(written).toEqual([`${ERASE}${HALF} a lon…`])
  })

  test('makes way for a printed line, and returns a while later', () => {
    const bar = barOn({})
    bar.show(() => half('one'))
    nowMs = 90
    bar.clear()
    bar.clear()
    expect(written.slice(1)).toEqual([ERASE])
    // Its timer was about to fire.
    tick?.()
    expect(written).toHaveLength(2)
    pass(100)
    expect(written.slice(2)).toEqual([`${ERASE}${HALF} one`])
  })

  test('leaves an empty line and no timer at the end', () => {
    const bar = barOn({})
    bar.show(() => half('one'))
    bar.end()
    bar.end()
    expect(written.slice(1)).toEqual([ERASE])
    expect(tick).toBeUndefined()
  })

  test('shows characters of a stranger, and does not write them', () => {
    barOn({}).show(() => ({ text: 'a\u001b[31m' }))
    expect(written).toEqual([`${ERASE}a\\u{1b}[31m`])
  })

  test('does not stop the work if the terminal has gone', async () => {
    const write = (): Promise<void> => Promise.reject(new Error('EIO'))
    const bar = new ProgressBar({ isTerminal: true, isColoured: false, columns: 80, write }, clock)
    bar.show(() => half('one'))
    bar.end()
    // A rejection that nobody takes would end the test run.
    await new Promise(setImmediate)
  })

  test('is full if there is nothing to do', () => {
    barOn({}).show(() => ({ text: 'none', share: { done: 0, all: 0, isEven: true } }))
    expect(written).toEqual([`${ERASE}[${'#'.repeat(24)}] 100 % none`])
  })
})

describe('the time left', () => {
  let done: number
  const last = (): string => written.at(-1)?.replace(/^[^%]* % /, '') ?? ''

  beforeEach(() => {
    done = 0
    barOn({}).show(() => ({ text: 'seeds', share: { done, all: 10, isEven: true } }))
  })

  test('follows from the parts that are done', () => {
    pass(3000)
    expect(last()).toBe('seeds, for 3 s')
    done = 1
    pass(100)
    expect(last()).toBe('seeds, about 28 s left')
    done = 5
    pass(100)
    expect(last()).toBe('seeds, about 4 s left')
  })

  test('runs down between two parts, and never to nothing', () => {
    pass(9900)
    done = 9
    pass(100)
    expect(last()).toBe('seeds, about 2 s left')
    pass(5000)
    expect(last()).toBe('seeds, about 1 s left')
  })

  test('is not told before it is more than a guess', () => {
    done = 1
    pass(1500)
    expect(last()).toBe('seeds')
  })

  test('is told in larger units when it is long', () => {
    done = 1
    pass(20_000)
    done = 1.01
    pass(100)
    expect(last()).toBe('seeds, about 3 min left')
  })
})

test('the next step of the same work is drawn at once, and keeps the pace', () => {
  let done = 0
  const bar = barOn({})
  const look = (): Work => ({ text: `step ${done}`, share: { done, all: 4, isEven: true } })
  bar.show(look)
  pass(5000)
  bar.clear()
  done = 1
  bar.show(look)
  expect(written.at(-1)).toMatch(/ 25 % step 1, about 15 s left$/)
})

test('work without parts tells how long its present step lasts', () => {
  let text = 'first'
  barOn({}).show(() => ({ text }))
  pass(2500)
  expect(written.at(-1)).toBe(`${ERASE}first, for 2 s`)
  text = 'second'
  pass(100)
  expect(written.at(-1)).toBe(`${ERASE}second`)
})
