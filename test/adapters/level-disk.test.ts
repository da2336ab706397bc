import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openLevelDisk } from '../../src/adapters/level-disk/level-disk.ts'
import type { Disk, DiskError, DiskHealth } from '../../src/ports/disk.ts'
import { diskConformance } from '../conformance/disk.ts'

diskConformance('LevelDB', () => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-disk-'))
  return {
    open: () => openLevelDisk({ directory }),
    dispose: async () => rmSync(directory, { recursive: true }),
  }
})

describe('level disk', () => {
  it('says which directory another process has open', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-disk-'))
    const disk = await openLevelDisk({ directory })
    await expect(openLevelDisk({ directory })).rejects.toThrow(directory)
    await disk.close()
    rmSync(directory, { recursive: true })
  })

  it('says that a directory cannot be made, instead of trying for ever', async () => {
    await expect(openLevelDisk({ directory: '/proc/none/db' })).rejects.toThrow(/proc/)
  })
})

/** A small filesystem of its own needs the right to mount one. */
function mountSmall(megabytes: number): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], {
      stdio: 'ignore',
    })
    return directory
  } catch {
    rmSync(directory, { recursive: true })
    return undefined
  }
}

describe('level disk on a full filesystem', () => {
  const cleanups: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  it('refuses writes, reads on, takes writes again when space returns, and has all it acknowledged', async (test) => {
    const mount = mountSmall(48)
    if (mount === undefined) test.skip('mounting a tmpfs is not allowed here')
    const root = mount as string
    cleanups.push(() => {
      execFileSync('umount', [root])
      rmSync(root, { recursive: true })
    })
    const directory = join(root, 'db')
    let disk = await openLevelDisk({ directory })
    cleanups.push(() => disk.close())
    const stored: string[] = []
    const store = async (key: string): Promise<void> => {
      // Not compressible.
      const value = Uint8Array.from(
        { length: 4096 },
        (_, i) => (i * 2_654_435_761 + stored.length * 40_503) >>> 13,
      )
      await disk.write([{ type: 'put', key, value }], { sync: true })
      stored.push(key)
    }

    writeFileSync(join(root, 'ballast'), new Uint8Array(16 * 1024 * 1024))
    const refused = await fill(store)
    expect(refused).toMatchObject({ code: 'disk_full', effect: 'none' })
    expect(disk.health().state).toBe('full')
    expect((await disk.getMany(stored)).every((value) => value?.length === 4096)).toBe(true)

    const returned = becomes(disk, 'ok')
    rmSync(join(root, 'ballast'))
    await returned
    await store('after')

    await disk.close()
    disk = await openLevelDisk({ directory })
    expect((await disk.getMany(stored)).every((value) => value?.length === 4096)).toBe(true)
  })
})

const FILL_MAX = 20_000

async function fill(store: (key: string) => Promise<void>): Promise<DiskError> {
  for (let i = 0; i < FILL_MAX; i++) {
    try {
      await store(`k${i}`)
    } catch (error) {
      return error as DiskError
    }
  }
  throw new Error('the filesystem did not fill')
}

function becomes(disk: Disk, state: DiskHealth['state']): Promise<void> {
  return new Promise((resolve) => {
    disk.onHealth((health) => {
      if (health.state === state) resolve()
    })
  })
}
