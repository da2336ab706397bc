/** One open LevelDB with the options of this store, and what its errors say. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { Level } from 'level'

export type Database = Level<string, Uint8Array>

/** Blocks of the database kept decompressed; the node has its own cache of objects above it. */
const BLOCK_CACHE_BYTES = 16 * 1024 * 1024
/** Two of these are in memory at most. Larger ones mean fewer, longer compactions that need more room. */
const WRITE_BUFFER_BYTES_MAX = 16 * 1024 * 1024
const WRITE_BUFFER_BYTES_MIN = 1024 * 1024
/** On a small disk a buffer is this part of it, so that compaction finds the room it needs. */
const WRITE_BUFFER_SHARE = 1 / 64
/** The manifest and the first pages of a new log. */
const OPEN_BYTES = 2 * 1024 * 1024

export function writeBufferBytes(totalBytes: number): number {
  const share = Math.floor(totalBytes * WRITE_BUFFER_SHARE)
  return Math.min(WRITE_BUFFER_BYTES_MAX, Math.max(WRITE_BUFFER_BYTES_MIN, share))
}

/** Rejects with a sentence that names the directory. */
export async function openDatabase(
  directory: string,
  options: { readonly writeBufferSize: number; readonly createIfMissing: boolean },
): Promise<Database> {
  // Compression stays on (snappy): it costs less than the writing it saves.
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

/** Rejects where another process has the database open. Never opens it, and changes nothing of it. */
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

/** LevelDB's repair of a closed database: a new manifest for what can be read of its tables and logs. */
export async function salvageFiles(directory: string): Promise<void> {
  // `Level` is classic-level's class in Node.js, and its types are those of every platform.
  await (Level as unknown as { repair(location: string): Promise<void> }).repair(directory)
}

/** Room that opening needs at most, where the logs hold two full buffers. */
export function openingBytesMax(writeBufferSize: number): number {
  return 2 * writeBufferSize + OPEN_BYTES
}

/** Room that opening needs as things are: the logs are written out before anything obsolete is removed. */
export async function openingBytes(directory: string): Promise<number> {
  const logs = (await readdir(directory)).filter((name) => name.endsWith('.log'))
  const sizes = await Promise.all(
    logs.map(async (name) => (await stat(join(directory, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, OPEN_BYTES)
}

/** The innermost message: abstract-level wraps LevelDB's own. */
export function sentenceOf(error: unknown): string {
  let innermost: unknown = error
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause
  return innermost instanceof Error ? innermost.message : String(innermost)
}

export function isNoSpace(error: unknown): boolean {
  return /no space|quota/i.test(sentenceOf(error))
}
