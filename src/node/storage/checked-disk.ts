/**
 * A node's disk with checksums: every value is framed when it is written, and checked when it is read (record-frame.ts).
 * A damaged value is never taken for intact. The reaction depends on its kind:
 *
 * - A data record or a hint is returned as it was found. Its own checksum then fails, and the reader repairs it.
 * - A promise is returned without content. The acceptor then refuses every ballot that it may have promised to refuse.
 * - An index entry is left out. The index is rebuilt at once (index-repair.ts), and again at the next start.
 * - Damage to the node's own state throws `DamagedStateError`: the whole directory counts as lost.
 */
import { Signal } from '../../core/signal.ts'
import type { Disk, DiskHealth, DiskOperation, DiskReader, DiskSnapshot } from '../../ports/disk.ts'
import { frame, unframe } from './record-frame.ts'
import { keyAfter } from './record-page.ts'

/** The node's own state cannot be trusted, so its directory must be treated as lost. */
export class DamagedStateError extends Error {
  constructor(what: string) {
    super(`the node's own state is damaged: ${what}`)
    this.name = 'DamagedStateError'
  }
}

const NOTHING = new Uint8Array(0)
const utf8 = new TextEncoder()

export class CheckedDisk implements Disk {
  readonly #disk: Disk
  /** An index entry or a promise was found damaged. */
  readonly damaged = new Signal<[key: string]>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#getMany(this.#disk, keys)
  }

  write(operations: readonly DiskOperation[], options: { readonly sync: boolean }): Promise<void> {
    const framed = operations.map((operation) =>
      operation.type === 'put'
        ? { ...operation, value: frame(operation.key, operation.value) }
        : operation,
    )
    return this.#disk.write(framed, options)
  }

  range(
    from: string,
    to: string,
    limit: number,
    bytesMax?: number,
  ): Promise<[string, Uint8Array][]> {
    return this.#range(this.#disk, from, to, limit, bytesMax)
  }

  snapshot(): DiskSnapshot {
    const snapshot = this.#disk.snapshot()
    return {
      getMany: (keys) => this.#getMany(snapshot, keys),
      range: (...range) => this.#range(snapshot, ...range),
      close: () => snapshot.close(),
    }
  }

  async #getMany(source: DiskReader, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const found = await source.getMany(keys)
    return found.map((framed, i) => framed && this.#checked(keys[i] as string, framed))
  }

  async #range(
    source: DiskReader,
    from: string,
    to: string,
    limit: number,
    bytesMax = Infinity,
  ): Promise<[string, Uint8Array][]> {
    const entries: [string, Uint8Array][] = []
    let bytesLeft = bytesMax
    for (let start = from; ;) {
      const page = await source.range(start, to, limit - entries.length, bytesLeft)
      let isWhole = true
      let readBytes = 0
      let givenBytes = 0
      for (const [key, framed] of page) {
        const value = this.#checked(key, framed)
        const keyBytes = utf8.encode(key).length
        readBytes += keyBytes + framed.length
        if (value === undefined) {
          isWhole = false
          continue
        }
        entries.push([key, value])
        givenBytes += keyBytes + value.length
      }
      const isCut = readBytes >= bytesLeft
      bytesLeft -= givenBytes
      const isFull = entries.length >= limit || bytesLeft <= 0
      // A page that is short only because of frames or damaged entries must not be taken for the last one.
      if (isFull || page.length === 0 || (isWhole && !isCut)) return entries
      start = keyAfter(page.at(-1)?.[0] ?? '')
    }
  }

  health(): DiskHealth {
    return this.#disk.health()
  }

  onHealth(listener: (health: DiskHealth) => void): void {
    this.#disk.onHealth(listener)
  }

  close(): Promise<void> {
    return this.#disk.close()
  }

  #checked(key: string, framed: Uint8Array): Uint8Array | undefined {
    const value = unframe(key, framed)
    if (value !== undefined) return value
    switch (key.charAt(0)) {
      case 'd':
      case 'h':
      case 'x':
        return framed
      case 'p':
        this.damaged.emit(key)
        return NOTHING
      case 'i':
      case 'k':
      case 'g':
        this.damaged.emit(key)
        return undefined
      default:
        throw new DamagedStateError(`the checksum of ${JSON.stringify(key)} is wrong`)
    }
  }
}
