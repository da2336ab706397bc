import { describe, expect, test } from 'vitest'
import {
  around,
  lengthText,
  moved,
  ticksOf,
  timeText,
  zoomed,
} from '../../../src/report/page/time-window.ts'

const END = 10_000_000
const WHOLE = { from: 0, to: END }

describe('the window of time', () => {
  test('zooms around a time that stays where it is', () => {
    expect(zoomed(WHOLE, END, 2_000_000, 0.5)).toEqual({ from: 1_000_000, to: 6_000_000 })
  })

  test('never shows more than the run, nor less than a moment', () => {
    expect(zoomed({ from: 4_000_000, to: 6_000_000 }, END, 5_000_000, 100)).toEqual(WHOLE)
    const closest = zoomed({ from: 1_000, to: 1_300 }, END, 1_150, 0.001)
    expect(closest.to - closest.from).toBe(200)
  })

  test('stops at both ends', () => {
    expect(moved({ from: 1_000, to: 2_000 }, END, -5_000)).toEqual({ from: 0, to: 1_000 })
    expect(moved({ from: 1_000, to: 2_000 }, END, END)).toEqual({ from: END - 1_000, to: END })
  })

  test('goes around an operation with some of what was before and after', () => {
    expect(around(END, 5_000_000, 5_010_000, 100_000)).toEqual({ from: 4_955_000, to: 5_055_000 })
  })
})

describe('the time axis', () => {
  test('has round ticks within the window', () => {
    expect(ticksOf({ from: 1_100_000, to: 2_900_000 }, 4)).toEqual([
      1_500_000, 2_000_000, 2_500_000,
    ])
  })

  test.each([
    [1_500_000, 500_000, '1.5 s'],
    [20_000_000, 10_000_000, '20 s'],
    [1_234_560, 10, '1.23456 s'],
  ])('%d in steps of %d is %s', (us, step, text) => {
    expect(timeText(us, step)).toBe(text)
  })

  test.each([
    [250, '250 µs'],
    [1_000, '1 ms'],
    [12_345, '12.3 ms'],
    [1_500_000, '1.5 s'],
  ])('%d µs is as long as %s', (us, text) => {
    expect(lengthText(us)).toBe(text)
  })
})
