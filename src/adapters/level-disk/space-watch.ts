/**
 * Knows how much of a filesystem is free, and says *full* while less than a reserve is: before LevelDB meets
 * the end of the disk itself. Looked at often, and after every megabyte written, never at each write.
 */
import { statfsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { DiskOperation } from '../../ports/disk.ts'

const LOOK_INTERVAL_MS = 500
/** Written since the last look: then the next is due. */
const LOOK_BYTES = 1024 * 1024
/**
 * Compaction writes its outputs before it removes its inputs, and goes on while writes are refused. Filled at
 * full speed with random keys, a database with buffers of 16 MiB took up to 200 MiB so for a while.
 */
const RESERVE_BYTES = 256 * 1024 * 1024
/** On a small filesystem the reserve must leave room for something else. */
const RESERVE_SHARE = 0.3
/** Full ends only when this much more than the reserve is free, so that it does not flutter. */
const RETURN_SHARE = 0.1
/** Below so many reserves room is *low*. */
const LOW_RESERVES = 2

export interface SpaceWatch {
  readonly totalBytes: number
  /** Free for anybody; undefined where the system does not tell. */
  readonly rawFreeBytes: number | undefined
  /** Free beyond the reserve; undefined where the system does not tell. */
  readonly freeBytes: number | undefined
  readonly reserveBytes: number
  readonly full: boolean
  /** Time to prepare for *full*. */
  readonly low: boolean
  /** Takes note of what was written. */
  wrote(operations: readonly DiskOperation[]): void
  look(): void
  stop(): void
  /** Called after each look. */
  onLook: () => void
}

export async function watchSpace(directory: string, reserve?: number): Promise<SpaceWatch> {
  await makeDirectory(directory)
  return new StatfsWatch(directory, reserve)
}

class StatfsWatch implements SpaceWatch {
  readonly #directory: string
  readonly #configured: number | undefined
  readonly #timer: NodeJS.Timeout
  totalBytes = 0
  rawFreeBytes: number | undefined
  reserveBytes = 0
  full = false
  onLook: () => void = () => undefined
  #writtenBytes = 0

  constructor(directory: string, reserve: number | undefined) {
    this.#directory = directory
    this.#configured = reserve
    this.look()
    this.#timer = setInterval(() => this.look(), LOOK_INTERVAL_MS)
    this.#timer.unref()
  }

  get freeBytes(): number | undefined {
    if (this.rawFreeBytes === undefined) return undefined
    return Math.max(0, this.rawFreeBytes - this.reserveBytes)
  }

  get low(): boolean {
    return (this.rawFreeBytes ?? Infinity) < LOW_RESERVES * this.reserveBytes
  }

  wrote(operations: readonly DiskOperation[]): void {
    for (const operation of operations) {
      this.#writtenBytes += operation.key.length
      if (operation.type === 'put') this.#writtenBytes += operation.value.length
    }
    if (this.#writtenBytes >= LOOK_BYTES) this.look()
  }

  /** A statfs of a local filesystem is a few microseconds: not worth a turn of the thread pool. */
  look(): void {
    this.#writtenBytes = 0
    try {
      const { bavail, blocks, bsize } = statfsSync(this.#directory)
      this.totalBytes = blocks * bsize
      this.rawFreeBytes = bavail * bsize
      this.reserveBytes =
        this.#configured ?? Math.min(RESERVE_BYTES, Math.floor(this.totalBytes * RESERVE_SHARE))
      const wantedBytes = this.full ? this.reserveBytes * (1 + RETURN_SHARE) : this.reserveBytes
      this.full = this.rawFreeBytes < wantedBytes
    } catch {
      // A filesystem that does not answer is no reason to end the node; writes will tell what is wrong.
      this.rawFreeBytes = undefined
    }
    this.onLook()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/**
 * Makes the directory and its parents. Not `mkdir` with `recursive`: below /proc and the like, where a parent
 * is there but takes no children, that tries for ever.
 */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error
    await makeDirectory(dirname(directory))
    await mkdir(directory)
  }
}
