import { describe, expect, it } from 'vitest'
import type { StoryLine } from '../../../src/simulation/record/sim-story.ts'
import { transcript } from '../../../src/simulation/record/transcript.ts'

function line(atUs: number, node: string | undefined, text: string): StoryLine {
  return { atUs, node, text }
}

describe('a transcript', () => {
  it('has one line per event and one column per node', () => {
    const lines = [
      line(1_500_000, 'n1', 'c1 put fruit:1'),
      line(2_000_250, 'n3', 'n1 asks apply fruit'),
      line(12_000_000, undefined, 'VIOLATION fruit is gone'),
    ]
    expect(transcript(lines, 3, undefined)).toEqual([
      '    seconds  n1 n2 n3 ',
      '     1.5000  o  .  .   c1 put fruit:1',
      '     2.0002  .  .  o   n1 asks apply fruit',
      '    12.0000  o  o  o   VIOLATION fruit is gone',
    ])
  })

  it('has a column for each of nine nodes, below their names', () => {
    const [head = '', ...rows] = transcript(
      Array.from({ length: 9 }, (_, i) => line(i, `n${i + 1}`, 'text')),
      9,
      undefined,
    )
    expect(rows).toHaveLength(9)
    rows.forEach((row, i) => expect(row.indexOf('o  ')).toBe(head.indexOf(`n${i + 1}`)))
  })

  it('shows the broken key, the faults, and events that concern all nodes', () => {
    const lines = [
      line(1, 'n1', 'c1 put fruit-1:7'),
      line(2, 'n1', 'c1 put fruit-11:7'),
      line(3, 'n1', 'c1 put other'),
      line(4, 'n2', '*** kill n2 for 2.0 s'),
      line(5, undefined, 'all are healed'),
      line(6, 'n1', 'fruit-12 and fruit-1'),
      line(7, 'n1', 'get fruit-1-2'),
    ]
    const kept = transcript(lines, 2, 'default/fruit-1').slice(1)
    expect(kept.map((text) => text.slice(20))).toEqual([
      'c1 put fruit-1:7',
      '*** kill n2 for 2.0 s',
      'all are healed',
      'fruit-12 and fruit-1',
    ])
  })

  it('cuts long texts, and marks the cut', () => {
    const long = transcript([line(1, 'n1', 'x'.repeat(10_000))], 5, undefined)
    expect(Math.max(...long.map(({ length }) => length))).toBeLessThan(200)
    expect(long.at(-1)).toMatch(/x…$/)
    const short = transcript([line(1, 'n1', 'x'.repeat(50))], 5, undefined)
    expect(short.at(-1)).toMatch(/ x{50}$/)
  })

  it('shows an event with several lines of text as one line', () => {
    const rows = transcript([line(1, 'n1', 'Error: told\n    at place (file:1)\n')], 3, undefined)
    expect(rows).toHaveLength(2)
    expect(rows.join('')).not.toMatch(/[\r\n]/)
    expect(rows[1]).toContain('Error: told at place (file:1)')
  })

  it('keeps the last lines, and counts the lines that it leaves out', () => {
    const lines = Array.from({ length: 1000 }, (_, i) => line(i, 'n1', `event ${i}`))
    const rows = transcript(lines, 3, undefined)
    expect(rows.length).toBeLessThan(200)
    expect(rows.at(-1)).toContain('event 999')
    const shown = rows.filter((row) => row.includes('event ')).length
    expect(rows[0]).toBe(`(${1000 - shown} earlier lines are not shown)`)
  })
})
