import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { damageFile } from '../../src/chaos/file-damage.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-file-damage-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const WHOLE: Readonly<Record<string, Buffer>> = {
  CURRENT: Buffer.from('MANIFEST-000001\n'),
  LOCK: Buffer.alloc(0),
  '000003.log': Buffer.alloc(100, 7),
}

function fill(): void {
  for (const [name, bytes] of Object.entries(WHOLE)) writeFileSync(join(directory, name), bytes)
}

/** The files that are not as they were. */
function changed(): string[] {
  return readdirSync(directory).filter(
    (name) => !readFileSync(join(directory, name)).equals(WHOLE[name] as Buffer),
  )
}

test('bitflip flips one bit of one file, and can hit every file that is not empty', async () => {
  const random = new SeededRandom('bit')
  const hit = new Set<string>()
  for (let i = 0; i < 50; i++) {
    fill()
    await damageFile(directory, 'bitflip', (bound) => random.below(bound))
    const [name = '', ...others] = changed()
    expect(others).toEqual([])
    hit.add(name)
    const bytes = readFileSync(join(directory, name))
    const whole = WHOLE[name] as Buffer
    const bits = [...whole].map((byte, at) =>
      (byte ^ (bytes[at] as number)).toString(2).replaceAll('0', ''),
    )
    expect([bytes.length, bits.join('')]).toEqual([whole.length, '1'])
  }
  expect([...hit].sort()).toEqual(['000003.log', 'CURRENT'])
})

test('truncate keeps the beginning of the file', async () => {
  const random = new SeededRandom('cut')
  for (let i = 0; i < 20; i++) {
    fill()
    const said = await damageFile(directory, 'truncate', (bound) => random.below(bound))
    const [name = '', ...others] = changed()
    expect(others).toEqual([])
    const bytes = readFileSync(join(directory, name))
    expect(bytes.equals((WHOLE[name] as Buffer).subarray(0, bytes.length))).toBe(true)
    expect(said).toBe(`cut ${name} from ${WHOLE[name]?.length} to ${bytes.length} bytes`)
  }
})

test('large files are hit more often than small ones, which are still hit', async () => {
  const random = new SeededRandom('size')
  const hits = new Map<string, number>()
  for (const name of ['000005.ldb', '000007.log', 'CURRENT', 'MANIFEST-000004'])
    writeFileSync(join(directory, name), Buffer.alloc(name.endsWith('.ldb') ? 10_000 : 10))
  for (let i = 0; i < 200; i++) {
    const said = await damageFile(directory, 'bitflip', (bound) => random.below(bound))
    const name = said.slice(said.lastIndexOf(' ') + 1)
    hits.set(name, (hits.get(name) ?? 0) + 1)
  }
  expect([...hits.keys()].sort()).toEqual(readdirSync(directory).sort())
  // By file alone it would be a quarter.
  expect(hits.get('000005.ldb')).toBeGreaterThan(100)
})

test('a directory without content cannot be damaged', async () => {
  writeFileSync(join(directory, 'LOCK'), '')
  await expect(damageFile(directory, 'truncate', () => 0)).rejects.toThrow(/no file to damage/)
})
