/**
 * The disk port over LevelDB.
 *
 * LevelDB that runs into a full disk may leave a torn record in the middle of its log, and what is appended
 * behind it can be lost at the next recovery. So the disk is not allowed to fill: writes are refused while
 * less than a reserve is free (space-watch.ts). And where a write fails all the same, no further one is taken
 * until the database has been closed and opened again, which makes LevelDB recover its log; reads go on
 * meanwhile, from the open database.
 */
import { Level } from 'level'

import { type Disk, DiskError, type DiskHealth, type DiskOperation } from '../../ports/disk.ts'
import { type SpaceWatch, watchSpace } from './space-watch.ts'

export interface LevelDiskOptions {
  readonly directory: string
  /** Bytes kept free: compaction and the log need room while writes are refused. By default see space-watch.ts. */
  readonly reserveBytes?: number
}

/** Blocks of the database kept decompressed; the node has its own cache of objects above it. */
const BLOCK_CACHE_BYTES = 16 * 1024 * 1024
/** Two of these are in memory at most. Larger ones mean fewer, longer compactions. */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024
const REOPEN_INTERVAL_MS = 1000

type Database = Level<string, Uint8Array>

/** Rejects with a sentence for a person: locked by another process, damaged, not a directory. */
export async function openLevelDisk(options: LevelDiskOptions): Promise<Disk> {
  const space = await watchSpace(options.directory, options.reserveBytes)
  try {
    return new LevelDisk(options, await openDatabase(options.directory), space)
  } catch (error) {
    space.stop()
    throw error
  }
}

class LevelDisk implements Disk {
  readonly #directory: string
  readonly #space: SpaceWatch
  readonly #listeners: ((health: DiskHealth) => void)[] = []
  #database: Database
  /** Set where a write has failed: the reason, until the database has been reopened. */
  #failure: string | undefined
  #reopening: Promise<void> | undefined
  #reopenTimer: NodeJS.Timeout | undefined
  #writing = new Set<Promise<void>>()
  #closed: Promise<void> | undefined

  constructor(options: LevelDiskOptions, database: Database, space: SpaceWatch) {
    this.#directory = options.directory
    this.#database = database
    this.#space = space
    space.onChange = () => this.#tell()
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read((database) => database.getMany([...keys]))
  }

  async range(from: string, to: string, limit: number): Promise<[string, Uint8Array][]> {
    return this.#read(async (database) => {
      const iterator = database.iterator({ gte: from, lt: to, limit })
      return (await iterator.all()) as [string, Uint8Array][]
    })
  }

  async write(operations: readonly DiskOperation[], { sync }: { sync: boolean }): Promise<void> {
    this.#refuseWrites()
    const writing = this.#write(operations, sync)
    this.#writing.add(writing)
    try {
      await writing
    } finally {
      this.#writing.delete(writing)
    }
  }

  health(): DiskHealth {
    const { freeBytes, reserveBytes, full } = this.#space
    if (this.#failure !== undefined) {
      return { state: full ? 'full' : 'failed', reason: this.#failure, freeBytes }
    }
    if (!full) return { state: 'ok', reason: '', freeBytes }
    const reason = `the disk is full: ${freeBytes ?? 0} bytes are free beyond a reserve of ${reserveBytes}`
    return { state: 'full', reason, freeBytes }
  }

  onHealth(listener: (health: DiskHealth) => void): void {
    this.#listeners.push(listener)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #write(operations: readonly DiskOperation[], sync: boolean): Promise<void> {
    try {
      await this.#database.batch(
        operations.map((operation) =>
          operation.type === 'put' ? operation : { type: 'del', key: operation.key },
        ),
        { sync },
      )
    } catch (error) {
      throw this.#fail(error)
    }
    this.#space.wrote(operations)
  }

  #refuseWrites(): void {
    if (this.#closed !== undefined) throw new DiskError('disk_closed', 'none', 'the disk is closed')
    const { state, reason } = this.health()
    if (state === 'full') throw new DiskError('disk_full', 'none', reason)
    if (state === 'failed') throw new DiskError('disk_failed', 'none', reason)
  }

  #fail(cause: unknown): DiskError {
    const sentence = sentenceOf(cause)
    if (this.#failure === undefined) {
      this.#failure = `a write failed: ${sentence}`
      this.#space.look()
      this.#tell()
      this.#reopenLater()
    }
    const code = /no space|quota/i.test(sentence) ? 'disk_full' : 'disk_failed'
    return new DiskError(code, 'unknown', `the write failed: ${sentence}`, { cause })
  }

  #reopenLater(): void {
    if (this.#closed !== undefined) return
    this.#reopenTimer = setTimeout(() => {
      if (this.#space.full) this.#reopenLater()
      else this.#reopening = this.#reopen()
    }, REOPEN_INTERVAL_MS)
  }

  async #reopen(): Promise<void> {
    try {
      await Promise.allSettled(this.#writing)
      await this.#database.close()
      this.#database = await openDatabase(this.#directory)
      this.#failure = undefined
      this.#tell()
    } catch (error) {
      this.#failure = `the database could not be opened again: ${sentenceOf(error)}`
      this.#reopenLater()
    } finally {
      this.#reopening = undefined
    }
  }

  /** Waits while the database is being reopened: that is a moment, or an error. */
  async #read<T>(read: (database: Database) => Promise<T>): Promise<T> {
    if (this.#reopening !== undefined) await this.#reopening
    if (this.#closed !== undefined) throw new DiskError('disk_closed', 'none', 'the disk is closed')
    try {
      return await read(this.#database)
    } catch (cause) {
      throw new DiskError('disk_failed', 'none', `the read failed: ${sentenceOf(cause)}`, { cause })
    }
  }

  async #close(): Promise<void> {
    clearTimeout(this.#reopenTimer)
    this.#space.stop()
    await Promise.allSettled(this.#writing)
    await this.#reopening
    await this.#database.close()
  }

  #tell(): void {
    const health = this.health()
    for (const listener of this.#listeners) listener(health)
  }
}

async function openDatabase(directory: string): Promise<Database> {
  const database: Database = new Level<string, Uint8Array>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    cacheSize: BLOCK_CACHE_BYTES,
    writeBufferSize: WRITE_BUFFER_BYTES,
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

/** The innermost message: abstract-level wraps LevelDB's own. */
function sentenceOf(error: unknown): string {
  let innermost: unknown = error
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause
  return innermost instanceof Error ? innermost.message : String(innermost)
}
