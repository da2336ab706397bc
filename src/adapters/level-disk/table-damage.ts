/**
 * Finds damage in LevelDB's tables. LevelDB has a checksum for every block and does not check it when it reads: a
 * changed byte gives wrong values, hides a key, or brings an older version of it to light. So every table that is in
 * use is read once before the database is opened, and each of its blocks is checked.
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
/** An index has an entry for each 4 KiB of its table. */
const INDEX_BYTES_MAX = 256 * 1024 * 1024

interface Place {
  readonly offset: number
  readonly size: number
}

/** The first table that is damaged, with what is wrong; undefined where all are whole. */
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

/** Older versions of LevelDB ended the name otherwise. */
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
      // A bad sector is damage. The start would fail for ever if this were thrown.
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

/** A block without its trailer, still compressed; undefined where it is damaged. */
function blockAt(table: Uint8Array, { offset, size }: Place): Uint8Array | undefined {
  const end = offset + size
  if (end + TRAILER_BYTES > table.length - FOOTER_BYTES) return undefined
  const checksum = new DataView(table.buffer, table.byteOffset + end + 1).getUint32(0, true)
  return maskedCrc32c(table.subarray(offset, end + 1)) === checksum
    ? table.subarray(offset, end + 1)
    : undefined
}

/** The places in the entries of an index. */
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
