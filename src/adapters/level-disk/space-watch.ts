/**
 * Measures the free space of a filesystem, and reports *full* while less than a reserve is free, so that LevelDB never
 * runs out of space itself. It measures twice a second and after every megabyte written, but not at each write.
 */
import { statfsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { DiskOperation } from '../../ports/disk.ts'

const LOOK_INTERVAL_MS = 500
/** So many bytes written since the last measurement cause the next one. */
const LOOK_BYTES = 1024 * 1024
/**
 * Compaction writes its outputs before it removes its inputs, and continues while writes are refused. A database with
 * buffers of 16 MiB, filled at full speed with random keys, took up to 200 MiB for this at times.
 */
const RESERVE_BYTES = 256 * 1024 * 1024
/** On a small filesystem the reserve takes at most this share, to leave room for data. */
const RESERVE_SHARE = 0.3
/** *Full* ends only when this share more than the reserve is free, so that the state does not flap. */
const RETURN_SHARE = 0.1
/** Free space below so many reserves is *low*. */
const LOW_RESERVES = 2

export interface SpaceWatch {
  readonly totalBytes: number
  /** Free bytes, the reserve included; undefined if the system does not report them. */
  readonly rawFreeBytes: number | undefined
  /** Free bytes beyond the reserve; undefined if the system does not report them. */
  readonly freeBytes: number | undefined
  readonly reserveBytes: number
  readonly full: boolean
  /** Whether it is time to prepare for *full*. */
  readonly low: boolean
  /** Counts the written bytes. */
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

  /** Calls statfs synchronously: on a local filesystem it takes a few microseconds, less than using the thread pool. */
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
      // A filesystem that does not answer must not end the node. The next write will show what is wrong.
      this.rawFreeBytes = undefined
    }
    this.onLook()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/**
 * Creates the directory and its parents. It does not use `mkdir` with `recursive`, which retries forever if a parent
 * exists but allows no children, as below /proc.
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
