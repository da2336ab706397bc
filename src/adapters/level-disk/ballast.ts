/**
 * Reserves disk space that only a recovery may use: a file of zeros beside the database. Compaction continues while
 * writes are refused, and may fill the disk to the last byte. LevelDB removes obsolete files only when it opens the
 * database again, and before that it writes out its log. Removing the ballast makes room for this.
 */
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = 'reserve'
const CHUNK_BYTES = 1024 * 1024

export class Ballast {
  readonly bytes: number
  readonly #file: string
  #making: Promise<void> | undefined

  /** `bytes` is the most that a recovery needs. */
  constructor(directory: string, bytes: number) {
    this.#file = join(directory, FILE)
    this.bytes = bytes
  }

  /** Creates the file if it is missing. If the disk has no room for it, there is no ballast. */
  make(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  /** How many bytes `release` would free. */
  async heldBytes(): Promise<number> {
    return stat(this.#file).then(
      ({ size }) => size,
      () => 0,
    )
  }

  /** Removes the file. Returns false if there was none. */
  async release(): Promise<boolean> {
    await this.#making
    const held = await this.heldBytes()
    await rm(this.#file, { force: true })
    return held > 0
  }

  async #make(): Promise<void> {
    if ((await this.heldBytes()) >= this.bytes) return
    try {
      const file = await open(this.#file, 'w')
      try {
        const zeros = new Uint8Array(CHUNK_BYTES)
        for (let written = 0; written < this.bytes; written += CHUNK_BYTES) await file.write(zeros)
        await file.sync()
      } finally {
        await file.close()
      }
    } catch {
      // Remove a partial file, because free space is more useful.
      await rm(this.#file, { force: true })
    }
  }
}
