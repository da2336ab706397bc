import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, type TestContext } from 'vitest'
import { openLevelDisk } from '../../../src/adapters/level-disk/level-disk.ts'
import type { Disk, DiskError, DiskHealth } from '../../../src/ports/disk.ts'
import { diskConformance } from '../../conformance/disk.ts'

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

  function smallFilesystem(test: TestContext): string {
    const root = mountSmall(48)
    if (root === undefined) test.skip('mounting a tmpfs is not allowed here')
    cleanups.push(() => {
      execFileSync('umount', [root as string])
      rmSync(root as string, { recursive: true })
    })
    return root as string
  }

  async function openStore(directory: string, reserveBytes?: number): Promise<Store> {
    const disk = await openLevelDisk({
      directory,
      ...(reserveBytes === undefined ? {} : { reserveBytes }),
    })
    cleanups.push(() => disk.close())
    return new Store(disk)
  }

  it('refuses writes, reads on, takes writes again when space returns, and has all it acknowledged', async (test) => {
    const root = smallFilesystem(test)
    const directory = join(root, 'db')
    const ballast = join(root, 'ballast')
    writeFileSync(ballast, new Uint8Array(16 * MIB))
    const store = await openStore(directory)
    expect(await store.fill()).toMatchObject({ code: 'disk_full', effect: 'none' })
    expect(store.disk.health().state).toBe('full')
    await store.expectAll()

    const returned = becomes(store.disk, 'ok')
    rmSync(ballast)
    await returned
    await store.put()

    await store.disk.close()
    store.disk = (await openStore(directory)).disk
    await store.expectAll()
  })

  it('can be opened again when others have filled the disk to its last byte', async (test) => {
    const root = smallFilesystem(test)
    const directory = join(root, 'db')
    const store = await openStore(directory)
    writeFileSync(join(root, 'others'), new Uint8Array(24 * MIB))
    for (let i = 0; i < 500; i++) await store.put()
    await expect.poll(() => existsSync(join(directory, 'reserve'))).toBe(true)
    takeAllSpace(join(root, 'others'))

    expect((await store.fill()).code).toBe('disk_full')
    // Whether the reserve or the system itself refused the write.
    const { state, reason } = store.disk.health()
    expect([state, reason]).toEqual(['full', expect.stringMatching(/^the disk is full/)])
    await store.expectAll()
    await store.disk.close()

    store.disk = (await openStore(directory)).disk
    await store.expectAll()
    const returned = becomes(store.disk, 'ok')
    rmSync(join(root, 'others'))
    await returned
    await store.put()
    await store.expectAll()
  })

  it('acknowledges nothing behind a write that met the end of the disk', async (test) => {
    const root = smallFilesystem(test)
    const directory = join(root, 'db')
    writeFileSync(join(root, 'others'), new Uint8Array(24 * MIB))
    // Without a reserve, LevelDB itself meets the end of the disk, with many batches waiting behind.
    const store = await openStore(directory, 1)
    const effects = new Set<string>()
    for (let i = 0; i < 400 && effects.size === 0; i++) {
      const writes = await Promise.allSettled(Array.from({ length: 32 }, () => store.put()))
      for (const write of writes) if (write.status === 'rejected') effects.add(write.reason.effect)
    }
    expect(effects).toContain('unknown')
    expect(store.disk.health().state).not.toBe('ok')
    await store.expectAll()

    const returned = becomes(store.disk, 'ok')
    rmSync(join(root, 'others'))
    await returned
    await store.put()
    await store.expectAll()
    await store.disk.close()
    store.disk = (await openStore(directory)).disk
    await store.expectAll()
  })
})

const MIB = 1024 * 1024
const VALUE_BYTES = 4096
const FILL_MAX = 20_000

/** Remembers what was acknowledged. */
class Store {
  disk: Disk
  readonly #acknowledged: string[] = []
  #next = 0

  constructor(disk: Disk) {
    this.disk = disk
  }

  async put(): Promise<void> {
    const key = `k${this.#next++}`
    const value = randomBytes(VALUE_BYTES)
    await this.disk.write([{ type: 'put', key, value }], { sync: true })
    this.#acknowledged.push(key)
  }

  /** Until a write is refused. */
  async fill(): Promise<DiskError> {
    for (let i = 0; i < FILL_MAX; i++) {
      try {
        await this.put()
      } catch (error) {
        return error as DiskError
      }
    }
    throw new Error('the filesystem did not fill')
  }

  async expectAll(): Promise<void> {
    const found = await this.disk.getMany(this.#acknowledged)
    const missing = this.#acknowledged.filter((_, i) => found[i]?.length !== VALUE_BYTES)
    expect(missing).toEqual([])
  }
}

function takeAllSpace(file: string): void {
  try {
    for (;;) appendFileSync(file, new Uint8Array(64 * 1024))
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
  }
}

async function becomes(disk: Disk, state: DiskHealth['state']): Promise<void> {
  await new Promise<void>((resolve) => {
    disk.onHealth((health) => {
      if (health.state === state) resolve()
    })
    if (disk.health().state === state) resolve()
  })
}
