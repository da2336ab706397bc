/**
 * Tests what every disk must do (src/ports/disk.ts). They run on LevelDB, and on any other implementation of the port.
 * `open` opens the same storage again after a close.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Disk, DiskError, type DiskOperation } from '../../src/ports/disk.ts'

export interface DiskWorld {
  open(): Promise<Disk>
  /** Called after the disk has been closed. */
  dispose(): Promise<void>
}

const SYNC = { sync: true }
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (key: string, ...values: number[]): DiskOperation => ({
  type: 'put',
  key,
  value: bytes(...values),
})
const plain = (value: Uint8Array | undefined): number[] | undefined => value && [...value]

export function diskConformance(name: string, makeWorld: () => DiskWorld): void {
  describe(`disk conformance: ${name}`, () => {
    let world: DiskWorld
    let disk: Disk

    beforeEach(async () => {
      world = makeWorld()
      disk = await world.open()
    })
    afterEach(async () => {
      await disk.close()
      await world.dispose()
    })

    it('gives one result a key, in the order asked', async () => {
      await disk.write([put('a', 1), put('c', 3)], SYNC)
      const found = await disk.getMany(['c', 'b', 'a', 'c'])
      expect(found.map(plain)).toEqual([[3], undefined, [1], [3]])
      expect(await disk.getMany([])).toEqual([])
    })

    it('applies the operations of a batch in order', async () => {
      await disk.write([put('a', 1), { type: 'delete', key: 'a' }, put('b', 1), put('b', 2)], SYNC)
      expect((await disk.getMany(['a', 'b'])).map(plain)).toEqual([undefined, [2]])
    })

    it('keeps values empty, large, and of all bytes', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i)
      const large = new Uint8Array(2 * 1024 * 1024).fill(7)
      await disk.write(
        [
          put('empty'),
          { type: 'put', key: 'all', value: all },
          { type: 'put', key: 'large', value: large },
        ],
        SYNC,
      )
      const [empty, foundAll, foundLarge] = await disk.getMany(['empty', 'all', 'large'])
      expect(plain(empty)).toEqual([])
      expect(plain(foundAll)).toEqual([...all])
      expect(foundLarge?.length).toBe(large.length)
      expect(foundLarge?.every((byte) => byte === 7)).toBe(true)
    })

    it('orders keys by their UTF-8 bytes, not by UTF-16 units', async () => {
      const keys = ['z', 'a', '', '\u{1f600}', 'é', 'a\u0000', 'ab', '\u{10ffff}', '￿']
      await disk.write(
        keys.map((key) => put(`k/${key}`, 1)),
        SYNC,
      )
      const listed = (await disk.range('k/', 'k0', 100)).map(([key]) => key.slice(2))
      const byBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(listed).toEqual(byBytes)
    })

    it('ranges from the first key up to, not including, the last, within the limit', async () => {
      await disk.write(
        ['a', 'b', 'c', 'd'].map((key) => put(key, 1)),
        SYNC,
      )
      expect((await disk.range('b', 'd', 10)).map(([key]) => key)).toEqual(['b', 'c'])
      expect((await disk.range('a', 'z', 2)).map(([key]) => key)).toEqual(['a', 'b'])
      expect(await disk.range('x', 'z', 10)).toEqual([])
    })

    it('ends a range with the entry that reaches the bytes asked for, and gives one at least', async () => {
      const value = new Uint8Array(100_000)
      await disk.write(
        ['a', 'b', 'c', 'd', 'e'].map((key) => ({ type: 'put', key, value })),
        SYNC,
      )
      const keys = async (limit: number, bytesMax: number): Promise<string[]> =>
        (await disk.range('a', 'z', limit, bytesMax)).map(([key]) => key)
      expect(await keys(10, 1)).toEqual(['a'])
      expect(await keys(10, 100_001)).toEqual(['a'])
      expect(await keys(10, 100_002)).toEqual(['a', 'b'])
      expect(await keys(3, 400_000)).toEqual(['a', 'b', 'c'])
      expect(await keys(10, 400_000)).toEqual(['a', 'b', 'c', 'd'])
      expect(await keys(10, 10_000_000)).toEqual(['a', 'b', 'c', 'd', 'e'])
    })

    it('has after a close and an open all that was written', async () => {
      await disk.write([put('synced', 1)], SYNC)
      await disk.write([put('not synced', 2)], { sync: false })
      await disk.close()
      disk = await world.open()
      expect((await disk.getMany(['synced', 'not synced'])).map(plain)).toEqual([[1], [2]])
    })

    it('finishes what it accepted before it closes', async () => {
      const writing = Array.from({ length: 20 }, (_, i) => disk.write([put(`k${i}`, i)], SYNC))
      await disk.close()
      await Promise.all(writing)
      disk = await world.open()
      expect((await disk.range('k', 'l', 100)).length).toBe(20)
    })

    it('shows in a snapshot what was there when it was taken', async () => {
      await disk.write([put('a', 1), put('b', 1), put('c', 1)], SYNC)
      await disk.write([put('unsynced', 1)], { sync: false })
      const snapshot = disk.snapshot()
      await disk.write([put('a', 2), { type: 'delete', key: 'b' }, put('d', 2)], SYNC)
      expect((await snapshot.getMany(['a', 'b', 'd', 'unsynced'])).map(plain)).toEqual([
        [1],
        [1],
        undefined,
        [1],
      ])
      const keys = async (limit: number, bytesMax?: number): Promise<string[]> =>
        (await snapshot.range('a', 'e', limit, bytesMax)).map(([key]) => key)
      expect(await keys(10)).toEqual(['a', 'b', 'c'])
      expect(await keys(2)).toEqual(['a', 'b'])
      expect(await keys(10, 3)).toEqual(['a', 'b'])
      expect((await disk.getMany(['a', 'b'])).map(plain)).toEqual([[2], undefined])
      const later = disk.snapshot()
      expect((await later.range('a', 'e', 10)).map(([key]) => key)).toEqual(['a', 'c', 'd'])
      await Promise.all([snapshot.close(), later.close()])
    })

    it('has in a snapshot a batch under way wholly or not at all, and none that begins later', async () => {
      const under = disk.write([put('x', 1), put('y', 1)], SYNC)
      const snapshot = disk.snapshot()
      const after = disk.write([put('z', 1)], SYNC)
      await Promise.all([under, after])
      const found = (await snapshot.range('x', 'zz', 10)).map(([key]) => key)
      expect([[], ['x', 'y']]).toContainEqual(found)
      await snapshot.close()
    })

    it('refuses reads of a snapshot after its close, or that of the disk, and closes it twice', async () => {
      await disk.write([put('a', 1)], SYNC)
      const closed = disk.snapshot()
      await closed.close()
      await closed.close()
      await expect(closed.getMany(['a'])).rejects.toBeInstanceOf(DiskError)
      await expect(closed.range('a', 'b', 1)).rejects.toBeInstanceOf(DiskError)
      const left = disk.snapshot()
      await disk.close()
      await expect(left.getMany(['a'])).rejects.toBeInstanceOf(DiskError)
      await left.close()
      expect(() => disk.snapshot()).toThrow(DiskError)
    })

    it('refuses everything after the close, and closes twice', async () => {
      await disk.close()
      await disk.close()
      await expect(disk.write([put('a', 1)], SYNC)).rejects.toSatisfy(
        (error) =>
          error instanceof DiskError && error.code === 'disk_closed' && error.effect === 'none',
      )
      await expect(disk.getMany(['a'])).rejects.toBeInstanceOf(DiskError)
      await expect(disk.range('a', 'b', 1)).rejects.toBeInstanceOf(DiskError)
    })

    it('is well, and says how much room there is if it knows', () => {
      const { state, reason, freeBytes } = disk.health()
      expect({ state, reason }).toEqual({ state: 'ok', reason: '' })
      expect(freeBytes ?? 1).toBeGreaterThan(0)
    })
  })
}
