/**
 * Adds checksums (frames) to the values of a data directory of format 1 or 2, before anything else reads it.
 *
 * Each batch frames a page of values in key order, and also stores the last key of the page. So a crash at any point
 * loses nothing: the next start continues after that key. The format is the last value to be framed. So a format
 * without a frame shows that the migration has not finished.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Disk, DiskOperation } from '../../ports/disk.ts'
import type { Log } from '../../ports/log.ts'
import { frame, unframe } from './record-frame.ts'
import { keyAfter, readPage } from './record-page.ts'
import { FORMAT_WITHOUT_INDEX, FORMAT_WITHOUT_KEY_INDEX, metaKey } from './storage-keys.ts'

const UNFRAMED_FORMATS: readonly Encodable[] = [1, 2]
const FORMAT_KEY = metaKey('format')
/** The last key whose value is framed. */
const PROGRESS_KEY = metaKey('framing')
/** All keys of the database lie between these two. */
const ALL_KEYS = ['a', '~'] as const
const PAGE = 64

/** The format of a directory without frames; undefined if its values are framed, or if it has none. */
export async function unframedFormat(disk: Disk, codec: Codec): Promise<number | undefined> {
  const [stored] = await disk.getMany([FORMAT_KEY])
  // An unframed format is a small number in MessagePack: one byte. A framed value is longer.
  if (stored?.length !== 1) return undefined
  const format = codec.decode(stored)
  return UNFRAMED_FORMATS.includes(format) ? (format as number) : undefined
}

/** Rejects with a `DiskError`. */
export async function frameAll(disk: Disk, codec: Codec, log: Log): Promise<void> {
  const format = await unframedFormat(disk, codec)
  if (format === undefined) return
  log.info({ from: format }, 'adding checksums to the stored values')
  let [from] = ALL_KEYS as readonly [string, string]
  const [progress] = await disk.getMany([PROGRESS_KEY])
  const reached = progress && unframe(PROGRESS_KEY, progress)
  if (reached !== undefined) from = keyAfter(codec.decode(reached) as string)
  for (;;) {
    const { entries } = await readPage(disk, from, ALL_KEYS[1], PAGE)
    const last = entries.at(-1)
    if (last === undefined) break
    const operations: DiskOperation[] = entries
      .filter(([key]) => key !== FORMAT_KEY && key !== PROGRESS_KEY)
      .map(([key, value]) => put(key, value))
    await disk.write([...operations, put(PROGRESS_KEY, codec.encode(last[0]))], { sync: false })
    from = keyAfter(last[0])
  }
  const next = format === FORMAT_WITHOUT_INDEX ? FORMAT_WITHOUT_INDEX : FORMAT_WITHOUT_KEY_INDEX
  const end: DiskOperation[] = [
    put(FORMAT_KEY, codec.encode(next)),
    { type: 'delete', key: PROGRESS_KEY },
  ]
  await disk.write(end, { sync: true })
  log.info({}, 'all stored values have checksums')
}

function put(key: string, value: Uint8Array): DiskOperation {
  return { type: 'put', key, value: frame(key, value) }
}
