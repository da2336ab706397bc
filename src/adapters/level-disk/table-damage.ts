/**
 * Finds damage in LevelDB's tables. LevelDB has a checksum for every block but does not check it when it reads. A
 * changed byte could give wrong values, hide a key, or let an older version of the key reappear. So this file reads
 * every table in use once before the database is opened, and checks each of its blocks.
 *
 * The format (doc/table_format.md of LevelDB): blocks, each followed by u8 compression · u32 LE masked CRC-32C; at the
 * end a footer of 48 bytes with the places of the meta index and the index, and a magic number.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { maskedCrc32c } from './crc32c.ts'
import { readVarint, uncompress } from './snappy.ts'

const FOOTER_BYTES = 48
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]
const TRAILER_BYTES = 5
const UNCOMPRESSED = 0
const SNAPPY = 1
/** Bounds an index. It has one entry for each 4 KiB of its table. */
const INDEX_BYTES_MAX = 256 * 1024 * 1024

interface Place {
  readonly offset: number
  readonly size: number
}

/** Describes the damage of the first damaged table; undefined if no table is damaged. */
export async function findDamagedTable(
  directory: string,
  tables: Iterable<{ readonly number: number; readonly bytes: number }>,
): Promise<string | undefined> {
  for (const { number, bytes } of tables) {
    const table = await readTable(directory, number)
    if (table === undefined) return `table ${number} is missing`
    if (table === 'unreadable') return `table ${number} cannot be read`
    if (table.length !== bytes) return `table ${number} has ${table.length} of ${bytes} bytes`
    if (isDamagedTable(table)) return `a block of table ${number} is damaged`
  }
  return undefined
}

/** Undefined if there is no such file. Older versions of LevelDB used the extension sst. */
async function readTable(
  directory: string,
  number: number,
): Promise<Uint8Array | 'unreadable' | undefined> {
  const name = String(number).padStart(6, '0')
  for (const ending of ['ldb', 'sst']) {
    try {
      return await readFile(join(directory, `${name}.${ending}`))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A bad sector is damage. If this threw, every start would fail.
      if (code === 'EIO') return 'unreadable'
      if (code !== 'ENOENT') throw error
    }
  }
  return undefined
}

export function isDamagedTable(table: Uint8Array): boolean {
  if (table.length < FOOTER_BYTES) return true
  const footer = table.subarray(-FOOTER_BYTES)
  if (MAGIC.some((byte, i) => footer[FOOTER_BYTES - MAGIC.length + i] !== byte)) return true
  const metaPlace = readPlace(footer, 0)
  const indexPlace = readPlace(footer, metaPlace.next)
  const places = [metaPlace, indexPlace].map((place) => placesIn(blockAt(table, place)))
  return places.some(
    (listed) => listed?.every((place) => blockAt(table, place) !== undefined) !== true,
  )
}

/** A block with its compression byte, still compressed; undefined if it is damaged. */
function blockAt(table: Uint8Array, { offset, size }: Place): Uint8Array | undefined {
  const end = offset + size
  if (end + TRAILER_BYTES > table.length - FOOTER_BYTES) return undefined
  const checksum = new DataView(table.buffer, table.byteOffset + end + 1).getUint32(0, true)
  return maskedCrc32c(table.subarray(offset, end + 1)) === checksum
    ? table.subarray(offset, end + 1)
    : undefined
}

/** The places that the entries of an index name; undefined if the index is damaged. */
function placesIn(stored: Uint8Array | undefined): Place[] | undefined {
  const block = stored && contentOf(stored)
  if (block === undefined || block.length < 4) return undefined
  const view = new DataView(block.buffer, block.byteOffset, block.length)
  const end = block.length - 4 * (view.getUint32(block.length - 4, true) + 1)
  const places: Place[] = []
  for (let at = 0; at < end;) {
    const shared = readVarint(block, at)
    const own = readVarint(block, shared.next)
    const length = readVarint(block, own.next)
    if (shared.next < 0 || own.next < 0 || length.next < 0) return undefined
    const valueAt = length.next + own.value
    places.push(readPlace(block, valueAt))
    at = valueAt + length.value
  }
  return places
}

function contentOf(stored: Uint8Array): Uint8Array | undefined {
  const content = stored.subarray(0, -1)
  switch (stored.at(-1)) {
    case UNCOMPRESSED:
      return content
    case SNAPPY:
      return uncompress(content, INDEX_BYTES_MAX)
    default:
      return undefined
  }
}

function readPlace(bytes: Uint8Array, at: number): Place & { readonly next: number } {
  const offset = readVarint(bytes, at)
  const size = readVarint(bytes, offset.next)
  return { offset: offset.value, size: size.value, next: size.next }
}
