/**
 * Remembers beside LevelDB how far its database has come. LevelDB takes a log or a manifest that ends too early for one
 * that a power failure has cut, and opens an older state without a word. So every batch stores its number in the
 * database, and once a synced batch is durable its number is written to this file, before anybody is told.
 *
 * Only opening syncs the file: after a power failure it may lag behind the database, and never leads. A database that is
 * behind its file, or has another mark, lacks synced writes. Without room for the file the database keeps no number.
 *
 *   u64 mark, drawn when the database is made · f64 LE number of the batch · u32 LE xxHash32 of both
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { xxh32 } from '../../core/hash/xxh32.ts'
import type { Database } from './level-database.ts'

/** Before every key of the node. */
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
  /** The number that the file has, or is being given. */
  #written = 0

  private constructor(directory: string, file: FileHandle | undefined, progress: Progress) {
    this.#directory = directory
    this.#file = file
    this.#mark = progress.mark
    this.#batch = progress.batch
  }

  /** Whether the open database lacks writes that were synced. Rejects with what LevelDB or the disk says. */
  static async isBehind(directory: string, database: Database): Promise<boolean> {
    const [stored, file] = [await progressIn(database), await readProgress(directory)]
    if (file === 'damaged') return true
    if (file === undefined) return stored !== undefined
    if (stored === undefined) return file.batch > 0
    return !stored.mark.equals(file.mark) || stored.batch < file.batch
  }

  /** Begins to follow the database. On a disk without room for the file it goes without. */
  static async open(directory: string, database: Database): Promise<SyncedFile> {
    const stored = await progressIn(database)
    const progress = stored ?? { mark: randomBytes(MARK_BYTES), batch: 0 }
    let file: FileHandle | undefined
    try {
      file = await open(join(directory, FILE), 'r+').catch(() => open(join(directory, FILE), 'w+'))
      await file.write(encode(progress), 0, PROGRESS_BYTES, 0)
      // A power failure must not take away the file of a database that has a number. From now on its bytes are only
      // overwritten.
      await file.sync()
      await syncDirectory(directory)
    } catch {
      await file?.close()
      file = undefined
      await rm(join(directory, FILE), { force: true })
    }
    return new SyncedFile(directory, file, progress)
  }

  /** The operation that belongs in the next batch. Without the file, a number would pass for lost writes at the next start. */
  next(): { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string } {
    this.#batch++
    if (this.#file === undefined) return { type: 'del', key: PROGRESS_KEY }
    return {
      type: 'put',
      key: PROGRESS_KEY,
      value: encode({ mark: this.#mark, batch: this.#batch }),
    }
  }

  /** To be called once that batch is durable, and awaited before anybody is told. */
  async synced(): Promise<void> {
    this.#written = this.#batch
    await this.#file?.write(encode({ mark: this.#mark, batch: this.#batch }), 0, PROGRESS_BYTES, 0)
  }

  /** Whether the database that has been opened again is the one that was followed, with all that was synced. */
  async isContinuedBy(database: Database): Promise<boolean> {
    if (this.#file === undefined) return true
    const stored = await progressIn(database)
    if (stored === undefined) return this.#written === 0
    return stored.mark.equals(this.#mark) && stored.batch >= this.#written
  }

  /** Whether the file lies where the directory was, and nobody has put another in its place. */
  async isInPlace(): Promise<boolean> {
    if (this.#file === undefined) return true
    try {
      const mine = await this.#file.stat({ bigint: true })
      const found = await stat(join(this.#directory, FILE), { bigint: true })
      return found.ino === mine.ino && found.dev === mine.dev
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Any other failure says nothing about the place.
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

/** A power failure may leave an empty file, before the first batch: that says as little as none. */
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
