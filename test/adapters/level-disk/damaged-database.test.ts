import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Level } from 'level'
import { afterEach, describe, expect, it } from 'vitest'
import { openLevelDisk } from '../../../src/adapters/level-disk/level-disk.ts'
import { SyncedFile } from '../../../src/adapters/level-disk/synced-file.ts'
import { isDamagedTable } from '../../../src/adapters/level-disk/table-damage.ts'

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
  it('that cannot be opened is set aside if another node has the data', async () => {
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

  it('whose damage is found by a read is reported once, and set aside at the next start', async () => {
    const directory = await filled()
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
    damage(directory, /\.ldb$/, 2000)
    await expect(disk.range('a', 'z', 5000)).rejects.toThrow(/a read failed: Corruption/)
    await expect(disk.range('a', 'z', 5000)).rejects.toThrow(/a read failed/)
    await found.promise
    await disk.close()
    expect(told).toEqual([expect.stringMatching(/^Corruption/)])
    const next = await openLevelDisk({ directory, onDamaged: () => undefined })
    expect(next.setAside).toBeDefined()
    await next.close()
  })

  it('with a gap in the middle of its log reports the gap until it is recorded', async () => {
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

  it('is found wherever a bit of a table is flipped, before LevelDB believes it', async () => {
    const directory = await filled()
    const name = readdirSync(directory).find((file) => file.endsWith('.ldb')) as string
    const whole = readFileSync(join(directory, name))
    expect(isDamagedTable(whole)).toBe(false)
    // The footer has room that nothing is read from.
    for (let at = 0; at < whole.length - 48; at += 1 + (at % 97)) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ (1 << (at & 7))
      if (!isDamagedTable(damaged)) throw new Error(`byte ${at} of ${whole.length} may change`)
    }
    for (let length = 0; length < whole.length; length += 1009) {
      expect(isDamagedTable(whole.subarray(0, length))).toBe(true)
    }
    damage(directory, /\.ldb$/, 2000)
    const disk = await openLevelDisk({ directory, onDamaged: () => undefined })
    expect(disk.setAside).toBeDefined()
    await disk.close()
  })

  it.each([/^CURRENT$/, /\.ldb$/, /^MANIFEST/])('is found if %s is missing', async (kind) => {
    const directory = await filled()
    const name = readdirSync(directory).find((file) => kind.test(file)) as string
    rmSync(join(directory, name))
    const disk = await openLevelDisk({ directory, onDamaged: () => undefined })
    expect(disk.setAside).toBeDefined()
    await disk.close()
  })

  it('without CURRENT is not recreated if no other node has the data', async () => {
    const directory = await filled()
    const current = readFileSync(join(directory, 'CURRENT'))
    rmSync(join(directory, 'CURRENT'))
    await expect(openLevelDisk({ directory })).rejects.toThrow('CURRENT is missing')
    writeFileSync(join(directory, 'CURRENT'), current)
    const disk = await openLevelDisk({ directory })
    expect(await disk.range('a', 'z', 5000)).toHaveLength(2000)
    await disk.close()
  })

  it('loses no writes if a power failure has emptied the file of a new log', async () => {
    const root = mkdtempSync(join(tmpdir(), 'quorate-damaged-'))
    roots.push(root)
    const options = { directory: join(root, 'db'), onDamaged: (): void => undefined }
    await (await openLevelDisk(options)).close()
    truncateSync(join(options.directory, 'synced'), 0)
    const disk = await openLevelDisk(options)
    expect([disk.setAside, disk.hasLostWrites]).toEqual([undefined, false])
    await disk.close()
  })

  it('lacks no writes where there was no room for the file that counts them', async () => {
    const directory = await filled()
    const nowhere = join(directory, 'absent')
    const database = new Level<string, Uint8Array>(directory, { valueEncoding: 'buffer' })
    const counted = await SyncedFile.open(directory, database)
    await database.batch([counted.next()])
    await counted.synced()
    expect(await SyncedFile.isBehind(nowhere, database)).toBe(true)
    await counted.close()
    const uncounted = await SyncedFile.open(nowhere, database)
    await database.batch([uncounted.next()])
    await uncounted.synced()
    expect(await SyncedFile.isBehind(nowhere, database)).toBe(false)
    expect(await uncounted.isContinuedBy(database)).toBe(true)
    await database.close()
  })

  it.each([/\.log$/, /^synced$/])(
    'is known to lack synced writes wherever %s is cut short',
    async (kind) => {
      const lacks: boolean[] = []
      for (const share of [0, 0.1, 0.5, 0.9, 0.999]) {
        const directory = join(mkdtempSync(join(tmpdir(), 'quorate-damaged-')), 'db')
        roots.push(dirname(directory))
        const onDamaged = (): void => undefined
        const disk = await openLevelDisk({ directory, onDamaged })
        for (let i = 0; i < 100; i++) {
          const value = new Uint8Array(1000).fill(i)
          await disk.write([{ type: 'put', key: `k${i}`, value }], { sync: i % 10 === 9 })
        }
        await disk.close()
        const name = readdirSync(directory).find((file) => kind.test(file)) as string
        truncateSync(
          join(directory, name),
          Math.floor(statSync(join(directory, name)).size * share),
        )
        const again = await openLevelDisk({ directory, onDamaged })
        lacks.push(again.hasLostWrites)
        await again.close()
        // It is told until the node has written it down.
        const third = await openLevelDisk({ directory, onDamaged })
        expect(third.hasLostWrites).toBe(true)
        await third.forgetLoss()
        await third.close()
        const last = await openLevelDisk({ directory, onDamaged })
        expect([last.setAside, last.hasLostWrites]).toEqual([undefined, false])
        await last.close()
      }
      expect(lacks).toEqual([true, true, true, true, true])
    },
  )
})

describe('the directory of an open database', () => {
  it.each(['moved', 'removed', 'replaced by a copy'])('is missed once it is %s', async (how) => {
    const root = mkdtempSync(join(tmpdir(), 'quorate-moved-'))
    roots.push(root)
    const directory = join(root, 'db')
    const moved = Promise.withResolvers<string>()
    const disk = await openLevelDisk({ directory, onMoved: moved.resolve })
    await disk.write([{ type: 'put', key: 'k', value: new Uint8Array(1) }], { sync: true })
    if (how === 'removed') rmSync(directory, { recursive: true })
    else renameSync(directory, join(root, 'elsewhere'))
    if (how.startsWith('replaced')) cpSync(join(root, 'elsewhere'), directory, { recursive: true })
    expect(await moved.promise).toContain(directory)
    await expect(
      disk.write([{ type: 'put', key: 'k', value: new Uint8Array(1) }], { sync: true }),
    ).rejects.toMatchObject({ code: 'disk_failed', effect: 'none' })
    await disk.close()
    if (how !== 'replaced by a copy') expect(readdirSync(root)).not.toContain('db')
  })

  it.runIf(process.platform === 'linux')(
    'is refused to a second process without LOCK',
    async () => {
      const root = mkdtempSync(join(tmpdir(), 'quorate-twice-'))
      roots.push(root)
      const directory = join(root, 'db')
      const disk = await openLevelDisk({ directory })
      rmSync(join(directory, 'LOCK'))
      const source = fileURLToPath(
        new URL('../../../src/adapters/level-disk/level-disk.ts', import.meta.url),
      )
      const script = `import(${JSON.stringify(source)}).then(({ openLevelDisk }) => openLevelDisk({ directory: ${JSON.stringify(directory)} })).then(() => console.log('opened'), (error) => console.log(error.message)).then(() => process.exit())`
      const { stdout } = await promisify(execFile)(process.execPath, ['--eval', script])
      expect(stdout).toContain(`another process has the data directory ${directory}`)
      await disk.close()
    },
  )
})
