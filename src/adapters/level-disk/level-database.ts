/** Opens LevelDB with the options of this store, and interprets its errors. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { Level } from 'level'

export type Database = Level<string, Uint8Array>

/** The cache of decompressed blocks. It is small, because the node caches objects itself. */
const BLOCK_CACHE_BYTES = 16 * 1024 * 1024
/** LevelDB has at most two write buffers in memory. Larger ones mean fewer, longer compactions that need more room. */
const WRITE_BUFFER_BYTES_MAX = 16 * 1024 * 1024
const WRITE_BUFFER_BYTES_MIN = 1024 * 1024
/** On a small disk a buffer takes this share of the disk, so that compaction finds the room that it needs. */
const WRITE_BUFFER_SHARE = 1 / 64
/** Room for the manifest and the first pages of a new log. */
const OPEN_BYTES = 2 * 1024 * 1024

export function writeBufferBytes(totalBytes: number): number {
  const share = Math.floor(totalBytes * WRITE_BUFFER_SHARE)
  return Math.min(WRITE_BUFFER_BYTES_MAX, Math.max(WRITE_BUFFER_BYTES_MIN, share))
}

/** Rejects with a message that names the directory. */
export async function openDatabase(
  directory: string,
  options: { readonly writeBufferSize: number; readonly createIfMissing: boolean },
): Promise<Database> {
  // Snappy compression stays on, because it costs less time than it saves in writing.
  const database: Database = new Level<string, Uint8Array>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    cacheSize: BLOCK_CACHE_BYTES,
    ...options,
  })
  try {
    await database.open()
    return database
  } catch (error) {
    throw new Error(`the data directory ${directory} cannot be opened: ${sentenceOf(error)}`, {
      cause: error,
    })
  }
}

/** Rejects if another process has the database open. Never opens or changes the database. */
export async function refuseLocked(directory: string): Promise<void> {
  const probe = new Level(directory, { createIfMissing: false, errorIfExists: true })
  try {
    await probe.open()
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    if (cause?.code !== 'LEVEL_LOCKED') return
    throw new Error(`another process has the data directory ${directory}`, { cause: error })
  }
}

/** Runs LevelDB's repair on a closed database: it writes a new manifest for the readable tables and logs. */
export async function salvageFiles(directory: string): Promise<void> {
  // In Node.js `Level` is classic-level's class, but its types declare only what every platform has.
  await (Level as unknown as { repair(location: string): Promise<void> }).repair(directory)
}

/** The most room that opening needs: the logs then hold two full buffers. */
export function openingBytesMax(writeBufferSize: number): number {
  return 2 * writeBufferSize + OPEN_BYTES
}

/** The room that opening needs now. LevelDB writes out its logs before it removes obsolete files. */
export async function openingBytes(directory: string): Promise<number> {
  const logs = (await readdir(directory)).filter((name) => name.endsWith('.log'))
  const sizes = await Promise.all(
    logs.map(async (name) => (await stat(join(directory, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, OPEN_BYTES)
}

/** The innermost message, because abstract-level wraps LevelDB's errors. */
export function sentenceOf(error: unknown): string {
  let innermost: unknown = error
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause
  return innermost instanceof Error ? innermost.message : String(innermost)
}

export function isNoSpace(error: unknown): boolean {
  return /no space|quota/i.test(sentenceOf(error))
}
