/**
 * The disk port over LevelDB.
 *
 * On a full disk LevelDB may leave a torn record in the middle of its log, and the next recovery can lose the records
 * after it. After a failed compaction LevelDB refuses every later write. So this disk refuses writes while less than a
 * reserve is free (space-watch.ts). If a write fails nevertheless, the disk takes no further write until it has closed
 * and reopened the database, which makes LevelDB recover its log. Reads continue meanwhile from the open database.
 *
 * Invariant: batches reach LevelDB one at a time, so no batch is ever appended after a failed one.
 */
import {
  type Disk,
  DiskError,
  type DiskHealth,
  type DiskOperation,
  type DiskSnapshot,
} from '../../ports/disk.ts'
import { Ballast } from './ballast.ts'
import { isDamage, isMarkedLossy, markDamaged, markLossy, unmarkLossy } from './damaged-database.ts'
import { type Opening, openWholeDatabase } from './database-opening.ts'
import {
  type Database,
  isNoSpace,
  openDatabase,
  openingBytes,
  openingBytesMax,
  sentenceOf,
  writeBufferBytes,
} from './level-database.ts'
import { readRange } from './level-range.ts'
import { hasDamagedLog } from './log-damage.ts'
import { type SpaceWatch, watchSpace } from './space-watch.ts'

export interface LevelDiskOptions {
  readonly directory: string
  /** Bytes kept free for compaction and the log while writes are refused. The default is in space-watch.ts. */
  readonly reserveBytes?: number
  /**
   * Called once if damage is found while the files are in use; the process should then end. If it is given, opening a
   * damaged database sets it aside and starts empty. If it is absent, opening a damaged database rejects.
   */
  readonly onDamaged?: (reason: string) => void
  /** Called once if the opened directory is moved, removed or replaced; the process must then end. */
  readonly onMoved?: (reason: string) => void
}

export interface OpenedDisk extends Disk {
  /** The new place of the damaged database that this one replaces; undefined if there was none. */
  readonly setAside: string | undefined
  /** Whether synced writes are missing from the database. */
  readonly hasLostWrites: boolean
  /** Call it when the consequences of `hasLostWrites` are durable: the next opening does not report the loss again. */
  forgetLoss(): Promise<void>
  /** Closes the database. The next opening sets it aside, even if LevelDB finds no damage. */
  giveUp(reason: string): Promise<void>
}

/** Bounds the batches that wait. The caller groups its writes, so there is rarely more than one. */
const WAITING_WRITES_MAX = 10_000
/** How often the disk checks whether its directory has been moved, removed or replaced. */
const PLACE_INTERVAL_MS = 500
const MOVED = 'the data directory was moved, removed or replaced while this node ran'
const RECOVERY_INTERVAL_MS_MIN = 250
const RECOVERY_INTERVAL_MS_MAX = 8000
/** A write that tests whether LevelDB takes writes again. It deletes a key that never exists. */
const TRIAL: DiskOperation = { type: 'delete', key: '\u0000trial' }

/** Rejects with a message for a person: locked by another process, damaged, not a directory. */
export async function openLevelDisk(options: LevelDiskOptions): Promise<OpenedDisk> {
  const { directory, onDamaged, onMoved } = options
  const space = await watchSpace(directory, options.reserveBytes)
  try {
    const writeBufferSize = writeBufferBytes(space.totalBytes)
    const ballast = new Ballast(directory, openingBytesMax(writeBufferSize))
    const mayReplace = onDamaged !== undefined
    const opening = await openWholeDatabase({ directory, writeBufferSize, ballast, mayReplace })
    return new LevelDisk({
      ...opening,
      directory,
      // Never create a new database here: if somebody has moved the directory away, no new one may take its place.
      reopen: () => openDatabase(directory, { writeBufferSize, createIfMissing: false }),
      space,
      ballast,
      onDamaged,
      onMoved,
    })
  } catch (error) {
    space.stop()
    throw error
  }
}

interface LevelDiskParts extends Opening {
  readonly directory: string
  readonly reopen: () => Promise<Database>
  readonly space: SpaceWatch
  readonly ballast: Ballast
  readonly onDamaged: ((reason: string) => void) | undefined
  readonly onMoved: ((reason: string) => void) | undefined
}

class LevelDisk implements OpenedDisk {
  readonly setAside: string | undefined
  readonly hasLostWrites: boolean
  readonly #parts: LevelDiskParts
  readonly #space: SpaceWatch
  readonly #listeners: ((health: DiskHealth) => void)[] = []
  #database: Database
  /** Why a write failed; set until the database has been reopened. */
  #failure: string | undefined
  /** Set when space ran short, until LevelDB has taken a write again, because a compaction may have failed unseen. */
  #doubted = false
  #reported: DiskHealth['state'] = 'ok'
  #recovery: NodeJS.Timeout | undefined
  #recovering = false
  #recoveryIntervalMs = RECOVERY_INTERVAL_MS_MIN
  #reopening: Promise<void> | undefined
  /** Settles after the last of the tasks that write LevelDB's log one at a time. */
  #turns: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #isDamaged = false
  #hasMoved = false
  readonly #placeWatch: NodeJS.Timeout
  #closed: Promise<void> | undefined

  constructor(parts: LevelDiskParts) {
    this.#parts = parts
    this.setAside = parts.setAside
    this.hasLostWrites = isMarkedLossy(parts.directory)
    this.#database = parts.database
    this.#space = parts.space
    this.#space.onLook = () => this.#looked()
    this.#space.look()
    let looking: Promise<void> | undefined
    this.#placeWatch = setInterval(() => {
      // One look at a time: on a stalled disk each look holds a thread of the pool.
      looking ??= this.#lookAtPlace().finally(() => {
        looking = undefined
      })
    }, PLACE_INTERVAL_MS)
    this.#placeWatch.unref()
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read((database) => database.getMany([...keys]))
  }

  async range(
    from: string,
    to: string,
    limit: number,
    bytesMax = Infinity,
  ): Promise<[string, Uint8Array][]> {
    return this.#read((database) => readRange(database, { from, to, limit, bytesMax }))
  }

  snapshot(): DiskSnapshot {
    if (this.#closed !== undefined) throw new DiskError('disk_closed', 'none', 'the disk is closed')
    const database = this.#database
    if (this.#reopening !== undefined || database.status !== 'open') {
      throw new DiskError('disk_failed', 'none', 'the database is being opened again')
    }
    const snapshot = database.snapshot()
    // A database that is closed, also to be opened again, closes its snapshots. Their reads then fail.
    const read = <T>(look: (from: Database) => Promise<T>): Promise<T> =>
      this.#guarded(() => look(database))
    return {
      getMany: (keys) => read((from) => from.getMany([...keys], { snapshot })),
      range: (from, to, limit, bytesMax = Infinity) =>
        read((source) => readRange(source, { from, to, limit, bytesMax, snapshot })),
      close: () => snapshot.close(),
    }
  }

  async write(operations: readonly DiskOperation[], { sync }: { sync: boolean }): Promise<void> {
    if (this.#closed !== undefined) throw new DiskError('disk_closed', 'none', 'the disk is closed')
    this.#refuseUnlessWell()
    if (this.#waiting >= WAITING_WRITES_MAX) {
      throw new DiskError('disk_failed', 'none', `${this.#waiting} batches wait for the disk`)
    }
    await this.#inTurn(() => {
      // Check again, because an earlier batch may have failed meanwhile.
      this.#refuseUnlessWell()
      return this.#append(operations, sync)
    })
  }

  health(): DiskHealth {
    const { freeBytes, reserveBytes, full } = this.#space
    if (this.#failure !== undefined) {
      return full
        ? { state: 'full', reason: `the disk is full: ${this.#failure}`, freeBytes }
        : { state: 'failed', reason: this.#failure, freeBytes }
    }
    if (!full && !this.#doubted) return { state: 'ok', reason: '', freeBytes }
    const reason = full
      ? `the disk is full: less than a reserve of ${reserveBytes} bytes is free`
      : 'the disk was full, and writes are being tried'
    return { state: 'full', reason, freeBytes }
  }

  onHealth(listener: (health: DiskHealth) => void): void {
    this.#listeners.push(listener)
  }

  forgetLoss(): Promise<void> {
    return unmarkLossy(this.#parts.directory)
  }

  async giveUp(reason: string): Promise<void> {
    await markDamaged(this.#parts.directory, reason)
    await this.close()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #refuseUnlessWell(): void {
    const { state, reason } = this.health()
    if (state === 'full') throw new DiskError('disk_full', 'none', reason)
    if (state === 'failed') throw new DiskError('disk_failed', 'none', reason)
  }

  async #append(operations: readonly DiskOperation[], sync: boolean): Promise<void> {
    try {
      const { synced } = this.#parts
      await this.#database.batch(
        [
          ...operations.map((operation) =>
            operation.type === 'put' ? operation : { type: 'del' as const, key: operation.key },
          ),
          synced.next(),
        ],
        { sync },
      )
      if (sync) await synced.synced()
    } catch (cause) {
      this.#lookForDamage(cause)
      const sentence = `a write failed: ${sentenceOf(cause)}`
      this.#failure = sentence
      this.#space.look()
      const code = isNoSpace(cause) ? 'disk_full' : 'disk_failed'
      throw new DiskError(code, 'unknown', sentence, { cause })
    }
    this.#space.wrote(operations)
  }

  #looked(): void {
    if (this.#closed !== undefined) return
    const { full, low, rawFreeBytes } = this.#space
    if (full) this.#doubted = true
    const { ballast } = this.#parts
    // Make the ballast only if there is room for it twice, so that the ballast does not itself fill the disk.
    if (low && (rawFreeBytes ?? 0) > 2 * ballast.bytes) void ballast.make()
    const { state } = this.health()
    if (state !== this.#reported) {
      this.#reported = state
      this.#recoveryIntervalMs = RECOVERY_INTERVAL_MS_MIN
      for (const listener of this.#listeners) listener(this.health())
    }
    // Space is back, so try a write at once: clients wait for the result.
    if (this.#doubted && !full && this.#failure === undefined) void this.#recover()
    else if (state !== 'ok') this.#recoverLater()
  }

  #recoverLater(): void {
    if (this.#recovery !== undefined || this.#recovering) return
    this.#recovery = setTimeout(() => void this.#recover(), this.#recoveryIntervalMs)
    this.#recoveryIntervalMs = Math.min(this.#recoveryIntervalMs * 2, RECOVERY_INTERVAL_MS_MAX)
  }

  async #recover(): Promise<void> {
    clearTimeout(this.#recovery)
    this.#recovery = undefined
    if (this.#recovering || this.#closed !== undefined) return
    this.#recovering = true
    await this.#inTurn(async () => {
      if (this.#failure === undefined) await this.#append([TRIAL], false).catch(() => undefined)
      if (this.#failure !== undefined && (await this.#canReopen())) await this.#reopen()
      else if (this.#failure === undefined && !this.#space.full) this.#doubted = false
    })
    this.#recovering = false
    this.#space.look()
  }

  /**
   * Whether reopening will find enough room. Otherwise the closed database could not be opened again, and reads would
   * end too.
   */
  async #canReopen(): Promise<boolean> {
    if (this.#database.status !== 'open') return true
    const { rawFreeBytes } = this.#space
    if (rawFreeBytes === undefined) return false
    const { directory, ballast } = this.#parts
    const needed = await openingBytes(directory).catch(() => Infinity)
    return rawFreeBytes + (await ballast.heldBytes()) >= needed
  }

  async #reopen(): Promise<void> {
    const reopened = Promise.withResolvers<void>()
    this.#reopening = reopened.promise
    try {
      if (this.#space.full) await this.#parts.ballast.release()
      await this.#database.close()
      await this.#lookForLoss()
      await this.#lookAtPlace()
      if (this.#hasMoved) throw new Error(MOVED)
      this.#database = await this.#parts.reopen()
      if (!(await this.#parts.synced.isContinuedBy(this.#database))) this.#moved()
      if (this.#hasMoved) throw new Error(MOVED)
      this.#failure = undefined
      this.#doubted = true
    } catch (error) {
      this.#lookForDamage(error)
      this.#failure = sentenceOf(error)
    } finally {
      this.#reopening = undefined
      reopened.resolve()
    }
  }

  /** Waits while the database is being reopened, which takes a moment or fails. */
  async #read<T>(read: (database: Database) => Promise<T>): Promise<T> {
    if (this.#reopening !== undefined) await this.#reopening
    return this.#guarded(() => read(this.#database))
  }

  /** Runs a read. Its errors become a `DiskError`. */
  async #guarded<T>(read: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new DiskError('disk_closed', 'none', 'the disk is closed')
    try {
      return await read()
    } catch (cause) {
      this.#lookForDamage(cause)
      throw new DiskError('disk_failed', 'none', `a read failed: ${sentenceOf(cause)}`, { cause })
    }
  }

  #lookForDamage(error: unknown): void {
    const { directory, onDamaged } = this.#parts
    if (this.#isDamaged || onDamaged === undefined || !isDamage(error)) return
    this.#isDamaged = true
    const tell = (): void => onDamaged(sentenceOf(error))
    markDamaged(directory, sentenceOf(error)).then(tell, tell)
  }

  /**
   * A moved directory must be noticed, because LevelDB would continue to write into files that the next start cannot
   * find.
   */
  async #lookAtPlace(): Promise<void> {
    if (this.#hasMoved || this.#closed !== undefined) return
    if (!(await this.#parts.synced.isInPlace())) this.#moved()
  }

  #moved(): void {
    if (this.#hasMoved || this.#closed !== undefined) return
    this.#hasMoved = true
    this.#failure = MOVED
    this.#parts.onMoved?.(`${this.#parts.directory}: ${MOVED}`)
  }

  /** The node has cached and acknowledged the durable writes. If some of them are gone, the process must end. */
  async #lookForLoss(): Promise<void> {
    const { directory, onDamaged } = this.#parts
    if (onDamaged === undefined || !(await hasDamagedLog(directory))) return
    await markLossy(directory)
    onDamaged('the log is damaged in its middle')
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    this.#waiting++
    const turn = this.#turns.then(task)
    this.#turns = turn.then(
      () => undefined,
      () => undefined,
    )
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  async #close(): Promise<void> {
    clearTimeout(this.#recovery)
    clearInterval(this.#placeWatch)
    this.#space.stop()
    await this.#turns
    await this.#database.close()
    await this.#parts.synced.close()
    await this.#parts.claim.release()
  }
}
