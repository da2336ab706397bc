/** What a terminal shows: nothing of a stranger's that it would obey, in columns that are straight. */
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { wantsColours } from '../../src/terminal/style.ts'
import { tableLines } from '../../src/terminal/table.ts'
import {
  escaped,
  isPrintable,
  shellWord,
  shortened,
  visible,
  widthOf,
} from '../../src/terminal/terminal-text.ts'

describe('text', () => {
  test.each([
    ['plain', 'plain'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\u001b[31m', '\\u{1b}[31m'],
    ['a\u202eb', 'a\\u{202e}b'],
    ['日本 🍐 é', '日本 🍐 é'],
  ])('%j is shown as %s', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  test.each([
    ['plain 日本', 'plain 日本'],
    ['a\nb\tc\r', String.raw`a\nb\tc\r`],
    ['a\\nb', String.raw`a\\nb`],
    ['\u001b[31m\u2028', String.raw`\u{1b}[31m\u{2028}`],
    ['\\u{1b}', String.raw`\\u{1b}`],
  ])('%j is written to programs as %s', (text, written) => {
    expect(escaped(text)).toBe(written)
  })

  test.each([
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['🍐', 2],
    ['e\u0301', 1],
  ])('%j takes %d columns', (text, columns) => {
    expect(widthOf(text)).toBe(columns)
  })

  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
  ])('%j fits into %d columns as %s', (text, columns, shown) => {
    expect(shortened(text, columns)).toBe(shown)
  })

  test.each([
    [Buffer.from('text\nand tabs\t'), true],
    [Buffer.from('日本'), true],
    [Buffer.from([0xc3]), false],
    [Buffer.from('\u001b[2J'), false],
    [Buffer.from('\u009b2J'), false],
    [Buffer.alloc(0), true],
  ])('%j may go to a terminal: %s', (bytes, expected) => {
    expect(isPrintable(bytes)).toBe(expected)
  })

  test.each([
    'plain/key',
    "it's",
    'a b',
    '$HOME `x` "y"',
    'tab\there',
    "both ' and \u001b",
    '\\ \n',
  ])('%j is one word of a shell', (text) => {
    const word = shellWord(text)
    const said = execFileSync('bash', ['-c', `printf %s ${word}`], { encoding: 'utf8' })
    expect(said).toBe(text)
    expect(visible(word)).toBe(word)
  })
})

describe('a table', () => {
  const table = {
    head: ['key', 'bytes', 'value'],
    rows: [
      ['日本', 5, 'a value that is long'],
      ['b', 1000, '\u001b[31m'],
    ],
  }

  test('has straight columns, and numbers to the right', () => {
    expect(tableLines(table, { columns: Infinity, isColoured: false })).toEqual([
      'key   bytes  value',
      '日本      5  a value that is long',
      'b      1000  \\u{1b}[31m',
    ])
  })

  test('is cut off at the edge of the terminal', () => {
    expect(tableLines(table, { columns: 25, isColoured: false })[1]).toBe(
      '日本      5  a value that…'.slice(0, -2) + '…',
    )
  })

  test('has colours that change no column', () => {
    const cell = { text: 'up', style: 'good' } as const
    const lines = (isColoured: boolean): string[] =>
      tableLines({ head: ['state', 'x'], rows: [[cell, 'y']] }, { columns: 80, isColoured })
    expect(lines(true)[1]).toBe('\u001b[32mup\u001b[39m     y')
    expect(lines(false)[1]).toBe('up     y')
  })
})

test.each([
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ TERM: 'dumb' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
])('with %j and a terminal: %s, colours: %s', (env, isTerminal, expected) => {
  expect(wantsColours(env, isTerminal)).toBe(expected)
})
