import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, describe, expect, it } from 'vitest'
import { openLevelDisk } from '../../src/adapters/level-disk/level-disk.ts'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

/** A database with records in a table file, closed. */
async function filled(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'quorate-damaged-'))
  roots.push(root)
  const directory = join(root, 'db')
  const database = new Level<string, Uint8Array>(directory, { valueEncoding: 'buffer' })
  for (let i = 0; i < 2000; i++) await database.put(`k${i}`, new Uint8Array(200).fill(i))
  await database.close()
  // The next opening makes a table of the log.
  await database.open()
  await database.close()
  return directory
}

/** Turns bytes of the first file of that kind into others. */
function damage(directory: string, kind: RegExp, from: number): void {
  const name = readdirSync(directory).find((file) => kind.test(file)) as string
  const bytes = readFileSync(join(directory, name))
  for (let i = from; i < from + 100 && i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ 0x55
  writeFileSync(join(directory, name), bytes)
}

function asides(directory: string): string[] {
  return readdirSync(join(directory, '..')).filter((name) => name.startsWith('db.damaged-'))
}

describe('a damaged database', () => {
  it('that cannot be opened is set aside, where somebody else has the data', async () => {
    const directory = await filled()
    damage(directory, /^MANIFEST/, 10)
    await expect(openLevelDisk({ directory })).rejects.toThrow(/cannot be opened.*Corruption/)
    const disk = await openLevelDisk({ directory, onDamaged: () => undefined })
    expect(disk.setAside).toMatch(/db\.damaged-\d+$/)
    expect(await disk.range('a', 'z', 10)).toEqual([])
    await disk.write([{ type: 'put', key: 'k', value: new Uint8Array(1) }], { sync: true })
    await disk.close()
    expect(asides(directory)).toHaveLength(1)
    // The next start has nothing to set aside.
    const again = await openLevelDisk({ directory, onDamaged: () => undefined })
    expect([again.setAside, await again.range('a', 'z', 10)]).toMatchObject([
      undefined,
      [['k', {}]],
    ])
    await again.close()
  })

  it('that shows its damage when it is read is told once, and set aside at the next start', async () => {
    const directory = await filled()
    damage(directory, /\.ldb$/, 2000)
    const told: string[] = []
    const found = Promise.withResolvers<void>()
    const disk = await openLevelDisk({
      directory,
      onDamaged: (reason) => {
        told.push(reason)
        found.resolve()
      },
    })
    expect(disk.setAside).toBeUndefined()
    await expect(disk.range('a', 'z', 5000)).rejects.toThrow(/a read failed: Corruption/)
    await expect(disk.range('a', 'z', 5000)).rejects.toThrow(/a read failed/)
    await found.promise
    await disk.close()
    expect(told).toEqual([expect.stringMatching(/^Corruption/)])
    const next = await openLevelDisk({ directory, onDamaged: () => undefined })
    expect(next.setAside).toBeDefined()
    await next.close()
  })

  it('that lacks something in the middle of its log says so until that is written down', async () => {
    const directory = await filled()
    const database = new Level<string, Uint8Array>(directory, { valueEncoding: 'buffer' })
    for (let i = 0; i < 2000; i++) await database.put(`m${i}`, new Uint8Array(200).fill(i))
    await database.close()
    damage(directory, /\.log$/, 100_000)
    const onDamaged = (): void => undefined
    const first = await openLevelDisk({ directory, onDamaged })
    expect([first.setAside, first.hasLostWrites]).toEqual([undefined, true])
    // LevelDB itself goes on as if nothing had happened.
    expect((await first.range('m', 'n', 5000)).length).toBeGreaterThan(1000)
    await first.close()
    const second = await openLevelDisk({ directory, onDamaged })
    expect(second.hasLostWrites).toBe(true)
    await second.forgetLoss()
    await second.close()
    const third = await openLevelDisk({ directory, onDamaged })
    expect(third.hasLostWrites).toBe(false)
    await third.close()
  })
})
