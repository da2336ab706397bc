/**
 * Knows how much of a filesystem is free, and says *full* while less than a reserve is: before LevelDB meets
 * the end of the disk itself. Looked at often, and after every few megabytes written, never at each write.
 */
import { statfsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { DiskOperation } from '../../ports/disk.ts'

const LOOK_INTERVAL_MS = 500
/** Written since the last look: then the next is due. */
const LOOK_BYTES = 1024 * 1024
/** LevelDB writes a buffer of 16 MiB out while its log still has it, and compacts files of 2 MiB. */
const RESERVE_BYTES = 48 * 1024 * 1024
/** On a small filesystem the reserve must leave room for something else. */
const RESERVE_SHARE = 0.4
/** Full ends only when this much more than the reserve is free, so that it does not flutter. */
const RETURN_SHARE = 0.1

export interface SpaceWatch {
  /** Beyond the reserve; undefined where the system does not tell. */
  readonly freeBytes: number | undefined
  readonly reserveBytes: number
  readonly full: boolean
  /** Takes note of what was written. */
  wrote(operations: readonly DiskOperation[]): void
  look(): void
  stop(): void
  onChange: () => void
}

export async function watchSpace(directory: string, reserve?: number): Promise<SpaceWatch> {
  await makeDirectory(directory)
  return new StatfsWatch(directory, reserve)
}

class StatfsWatch implements SpaceWatch {
  readonly #directory: string
  readonly #configured: number | undefined
  readonly #timer: NodeJS.Timeout
  freeBytes: number | undefined
  reserveBytes = 0
  full = false
  onChange: () => void = () => undefined
  #writtenBytes = 0

  constructor(directory: string, reserve: number | undefined) {
    this.#directory = directory
    this.#configured = reserve
    this.look()
    this.#timer = setInterval(() => this.look(), LOOK_INTERVAL_MS)
    this.#timer.unref()
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
    const { bavail, blocks, bsize } = statfsSync(this.#directory)
    const share = Math.floor(blocks * bsize * RESERVE_SHARE)
    this.reserveBytes = this.#configured ?? Math.min(RESERVE_BYTES, share)
    this.freeBytes = Math.max(0, bavail * bsize - this.reserveBytes)
    const wasFull = this.full
    this.full = wasFull ? this.freeBytes < this.reserveBytes * RETURN_SHARE : this.freeBytes === 0
    if (wasFull !== this.full) this.onChange()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/**
 * Makes the directory and its parents. Not `mkdir` with `recursive`: below /proc and the like, where a parent
 * is there but takes no children, that tries for ever.
 */
async function makeDirectory(directory: string): Promise<void> {
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
