import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isDamagedInside } from '../../../src/adapters/level-disk/log-damage.ts'
import { seededRandom } from '../../core/seeded-random.ts'

let root: string
/** A log as LevelDB writes it, with batches of a few bytes and of several blocks. */
let log: Uint8Array
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'quorate-log-'))
  const database = new Level<string, Uint8Array>(root, { valueEncoding: 'buffer' })
  for (let i = 0; i < 40; i++) {
    await database.put(`k${i}`, new Uint8Array(i % 8 === 0 ? 70_000 : 100).fill(i + 1))
  }
  await database.put('last', new Uint8Array(100_000).fill(7))
  await database.close()
  const name = readdirSync(root).find((file) => file.endsWith('.log')) as string
  log = new Uint8Array(readFileSync(join(root, name)))
})
afterAll(() => rmSync(root, { recursive: true }))

function flipped(at: number): Uint8Array {
  const bytes = log.slice()
  bytes[at] = (bytes[at] as number) ^ 0x10
  return bytes
}

/** Where the last batch begins: what is behind it is of no other one. */
function lastBatch(): number {
  return log.length - 100_000 - 100
}

describe('damage in a log', () => {
  it('is not found in a whole one, nor in one that ends anywhere', () => {
    expect(isDamagedInside(log)).toBe(false)
    for (let end = 0; end < log.length; end += 997) {
      expect([end, isDamagedInside(log.slice(0, end))]).toEqual([end, false])
    }
  })

  it('is found wherever a whole batch follows', () => {
    const random = seededRandom(1)
    for (let i = 0; i < 300; i++) {
      const at = random(lastBatch() - 100)
      // The few bytes that fill a block up are nobody's.
      if (log[at] === 0 && at % 32_768 >= 32_768 - 7) continue
      expect([at, isDamagedInside(flipped(at))]).toEqual([at, true])
    }
  })

  it('of the last batch is how a log ends when the power fails, in whatever order its pages came', () => {
    for (let at = lastBatch() + 200; at < log.length; at += 4096) {
      const torn = log.slice()
      torn.fill(0, at, at + 4096)
      expect([at, isDamagedInside(torn)]).toEqual([at, false])
    }
  })
})
