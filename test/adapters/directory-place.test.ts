/** A copy of a data directory is told from the directory itself, wherever that is moved to. */
import { cp, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openLevelDisk, type OpenedDisk } from '../../src/adapters/level-disk/level-disk.ts'

let parent = ''

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'quorate-place-'))
})

afterEach(async () => {
  await rm(parent, { recursive: true })
})

/** Of a node that can be filled by others. */
async function opened(name: string, use?: (disk: OpenedDisk) => Promise<void>): Promise<boolean> {
  const directory = join(parent, name)
  const disk = await openLevelDisk({ directory, onDamaged: () => undefined })
  await use?.(disk)
  await disk.close()
  return disk.isCopy
}

it('takes a new directory for an original, and after a move, too', async () => {
  expect(await opened('db')).toBe(false)
  expect(await opened('db')).toBe(false)
  await rename(join(parent, 'db'), join(parent, 'moved'))
  expect(await opened('moved')).toBe(false)
})

it.each(['', '123456789 '])(
  'takes a directory whose first start crashed for no copy: %j',
  async (text) => {
    await opened('db')
    const ino = (await stat(join(parent, 'db', 'place'))).ino
    await writeFile(join(parent, 'db', 'place'), text.replace('123456789', String(ino)))
    expect(await opened('db')).toBe(false)
  },
)

it('takes a copy for a copy until what follows from that is stored, and the original for an original', async () => {
  await opened('db', (disk) =>
    disk.write([{ type: 'put', key: 'k', value: Uint8Array.of(1) }], { sync: true }),
  )
  await cp(join(parent, 'db'), join(parent, 'copy'), { recursive: true })
  expect(await opened('db')).toBe(false)
  expect(await opened('copy')).toBe(true)
  expect(await opened('copy', (disk) => disk.forgetLoss())).toBe(true)
  expect(await opened('copy')).toBe(false)
  // A copy of the copy is another one.
  await cp(join(parent, 'copy'), join(parent, 'next'), { recursive: true })
  expect(await opened('next')).toBe(true)
})
