import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type SkewedClock, skewedClock } from '../../../src/adapters/chaos/skewed-clock.ts'
import type { Log } from '../../../src/ports/log.ts'

const quiet = (): void => undefined
const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet }

let directory: string
let file: string
let nowMs: number
let clock: SkewedClock | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-clock-'))
  file = join(directory, 'clock.json')
  nowMs = 1_000_000
})
afterEach(() => {
  clock?.stop()
  rmSync(directory, { recursive: true })
})

function started(): SkewedClock {
  clock = skewedClock({ wallMs: () => nowMs, monotonicMs: () => nowMs / 2 }, file, log)
  return clock
}

function write(text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

test('is as wrong as the file says, from its start, until the moment that the file names', () => {
  write('{"offsetMs":-300,"untilMs":1000500}')
  const skewed = started()
  expect(skewed.wallMs()).toBe(999_700)
  expect(skewed.monotonicMs()).toBe(500_000)
  nowMs += 499
  expect(skewed.offsetMs()).toBe(-300)
  nowMs += 1
  expect(skewed.offsetMs()).toBe(0)
  expect(skewed.wallMs()).toBe(1_000_500)
})

test('follows the file, and takes garbage for no fault', async () => {
  const skewed = started()
  expect(skewed.offsetMs()).toBe(0)
  write('{"offsetMs":5000,"untilMs":2000000}')
  await expect.poll(() => skewed.offsetMs()).toBe(5000)
  for (const garbage of ['not JSON', '{}', 'null', '{"offsetMs":"5","untilMs":2000000}']) {
    write(garbage)
    await expect.poll(() => skewed.offsetMs()).toBe(0)
    write('{"offsetMs":7000,"untilMs":2000000}')
    await expect.poll(() => skewed.offsetMs()).toBe(7000)
  }
  rmSync(file)
  await expect.poll(() => skewed.offsetMs()).toBe(0)
})
