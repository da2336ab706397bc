/**
 * Room that only a recovery may use: a file of zeros beside the database. Compaction goes on while writes are
 * refused, and may eat a full disk to the last byte; what it leaves behind is removed only when the database
 * is opened again, and that first writes out what is in the log. With the file gone there is room for it.
 */
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = 'reserve'
const CHUNK_BYTES = 1024 * 1024

export class Ballast {
  readonly bytes: number
  readonly #file: string
  #making: Promise<void> | undefined

  /** `bytes`: what a recovery needs at most. */
  constructor(directory: string, bytes: number) {
    this.#file = join(directory, FILE)
    this.bytes = bytes
  }

  /** Makes the file unless it is there. A disk without room for it goes without. */
  make(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  /** What `release` would free. */
  async heldBytes(): Promise<number> {
    return stat(this.#file).then(
      ({ size }) => size,
      () => 0,
    )
  }

  /** Gives the room back; false where there was none. */
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
      // The room is more use free than in half a ballast.
      await rm(this.#file, { force: true })
    }
  }
}
