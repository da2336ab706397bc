/** How long a node that ends by itself stays down. */
import { expect, test } from 'vitest'
import { RestartPause } from '../../src/local-cluster/restart-pause.ts'

test('restart pause: doubles up to a minute, and begins anew after a long run', () => {
  const pause = new RestartPause()
  let nowMs = 0
  const ends = (afterMs: number): number => {
    const pauseMs = pause.next((nowMs += afterMs))
    nowMs += pauseMs
    return pauseMs / 1000
  }
  expect(Array.from({ length: 8 }, () => ends(500))).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  expect(ends(119_999)).toBe(60)
  expect(ends(120_000)).toBe(1)
  expect(ends(500)).toBe(2)
})
