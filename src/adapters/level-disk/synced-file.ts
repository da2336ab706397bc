/**
 * Remembers, in a file beside the database, which batch was synced last. LevelDB cannot tell a damaged log or manifest
 * that ends too early from one that a power failure has cut, and silently opens an older state. So every batch stores
 * its number in the database. When a synced batch is durable, its number goes into this file before the write is
 * acknowledged.
 *
 * Only opening syncs the file. After a power failure the file may lag behind the database, but it is never ahead of it.
 * A database that is behind its file, or has another mark, lacks synced writes. If the disk has no room for the file,
 * the database keeps no number either.
 *
 *   u64 mark, drawn when the database is made · f64 LE number of the batch · u32 LE xxHash32 of both
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { xxh32 } from '../../core/hash/xxh32.ts'
import type { Database } from './level-database.ts'

/** Sorts before every key of the node. */
export const PROGRESS_KEY = '\u0000synced'
const FILE = 'synced'
const MARK_BYTES = 8
const BODY_BYTES = MARK_BYTES + 8
const PROGRESS_BYTES = BODY_BYTES + 4

interface Progress {
  readonly mark: Buffer
  readonly batch: number
}

export class SyncedFile {
  readonly #directory: string
  readonly #file: FileHandle | undefined
  readonly #mark: Buffer
  /** The number of the last batch that was handed to LevelDB. */
  #batch: number
  /** The number in the file, or the one that is being written to it. */
  #written = 0

  private constructor(directory: string, file: FileHandle | undefined, progress: Progress) {
    this.#directory = directory
    this.#file = file
    this.#mark = progress.mark
    this.#batch = progress.batch
  }

  /** Whether the open database lacks synced writes. Rejects with errors of LevelDB or the disk. */
  static async isBehind(directory: string, database: Database): Promise<boolean> {
    const [stored, file] = [await progressIn(database), await readProgress(directory)]
    if (file === 'damaged') return true
    if (file === undefined) return stored !== undefined
    if (stored === undefined) return file.batch > 0
    return !stored.mark.equals(file.mark) || stored.batch < file.batch
  }

  /** Starts to follow the database. If the disk has no room for the file, it keeps none. */
  static async open(directory: string, database: Database): Promise<SyncedFile> {
    const stored = await progressIn(database)
    const progress = stored ?? { mark: randomBytes(MARK_BYTES), batch: 0 }
    let file: FileHandle | undefined
    try {
      file = await open(join(directory, FILE), 'r+').catch(() => open(join(directory, FILE), 'w+'))
      await file.write(encode(progress), 0, PROGRESS_BYTES, 0)
      // Sync the file now, because a power failure must not remove the file of a database that has a number. Later
      // writes only overwrite its bytes.
      await file.sync()
      await syncDirectory(directory)
    } catch {
      await file?.close()
      file = undefined
      await rm(join(directory, FILE), { force: true })
    }
    return new SyncedFile(directory, file, progress)
  }

  /**
   * The operation that belongs in the next batch. Without the file it deletes the number, because a number without a
   * file would look like lost writes at the next start.
   */
  next(): { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string } {
    this.#batch++
    if (this.#file === undefined) return { type: 'del', key: PROGRESS_KEY }
    return {
      type: 'put',
      key: PROGRESS_KEY,
      value: encode({ mark: this.#mark, batch: this.#batch }),
    }
  }

  /** Call it when that batch is durable, and await it before the write is acknowledged. */
  async synced(): Promise<void> {
    this.#written = this.#batch
    await this.#file?.write(encode({ mark: this.#mark, batch: this.#batch }), 0, PROGRESS_BYTES, 0)
  }

  /** Whether the reopened database is the one that was followed, with all its synced writes. */
  async isContinuedBy(database: Database): Promise<boolean> {
    if (this.#file === undefined) return true
    const stored = await progressIn(database)
    if (stored === undefined) return this.#written === 0
    return stored.mark.equals(this.#mark) && stored.batch >= this.#written
  }

  /** Whether the file is still at its path, and nobody has put another file there. */
  async isInPlace(): Promise<boolean> {
    if (this.#file === undefined) return true
    try {
      const mine = await this.#file.stat({ bigint: true })
      const found = await stat(join(this.#directory, FILE), { bigint: true })
      return found.ino === mine.ino && found.dev === mine.dev
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Other failures do not show that the file was moved.
      return code !== 'ENOENT' && code !== 'ENOTDIR'
    }
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function progressIn(database: Database): Promise<Progress | undefined> {
  const value = await database.get(PROGRESS_KEY)
  return value && decode(Buffer.from(value))
}

/** A power failure before the first batch may leave an empty file. It counts as no file. */
async function readProgress(directory: string): Promise<Progress | 'damaged' | undefined> {
  try {
    const bytes = await readFile(join(directory, FILE))
    return bytes.length === 0 ? undefined : (decode(bytes) ?? 'damaged')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function encode({ mark, batch }: Progress): Buffer {
  const bytes = Buffer.alloc(PROGRESS_BYTES)
  mark.copy(bytes)
  bytes.writeDoubleLE(batch, MARK_BYTES)
  bytes.writeUInt32LE(xxh32(bytes, 0, BODY_BYTES), BODY_BYTES)
  return bytes
}

function decode(bytes: Buffer): Progress | undefined {
  if (bytes.length !== PROGRESS_BYTES) return undefined
  if (bytes.readUInt32LE(BODY_BYTES) !== xxh32(bytes, 0, BODY_BYTES)) return undefined
  return { mark: bytes.subarray(0, MARK_BYTES), batch: bytes.readDoubleLE(MARK_BYTES) }
}
