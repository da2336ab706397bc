/**
 * Reads a backup from bytes in pieces of any size. It keeps one key and one piece in memory.
 *
 * Invariant: `finish` returns only for a whole backup: one header, keys in strict order, and an end mark whose totals
 * are those of the entries. So do not use an entry before `finish` has returned, unless the file was read once before.
 */
import { compareKeys } from '../placement/key-order.ts'
import {
  addEntry,
  type BackupEntry,
  type BackupHeader,
  type BackupTotals,
  decodeEntry,
  decodeJson,
  END_KIND,
  ENTRY_KIND,
  FAILURE_KIND,
  HEADER_KIND,
  isHeader,
  isTotals,
  NO_TOTALS,
} from './backup-parts.ts'
import { BackupRefused } from './backup-refused.ts'
import { type Frame, FrameReader } from './frame-chain.ts'

export class BackupReader {
  readonly #frames = new FrameReader()
  #header: BackupHeader | undefined
  #last: BackupEntry | undefined
  #totals = NO_TOTALS
  #isOver = false

  /** Undefined before its frame was read. */
  get header(): BackupHeader | undefined {
    return this.#header
  }

  /** Takes the next piece of the file, and returns the entries that it completes. Throws `BackupRefused`. */
  push(piece: Uint8Array): BackupEntry[] {
    this.#frames.push(piece)
    const entries: BackupEntry[] = []
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      const entry = this.#take(frame)
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  /** Call at the end of the file. Throws `BackupRefused` if the backup is not whole. */
  finish(): BackupTotals {
    if (!this.#isOver) {
      throw new BackupRefused(
        `it was cut off: it has no end mark, only ${this.#frames.offset} good bytes`,
      )
    }
    if (this.#frames.hasRest) throw new BackupRefused('bytes follow its end mark')
    return this.#totals
  }

  #take(frame: Frame): BackupEntry | undefined {
    if (this.#isOver) throw new BackupRefused('bytes follow its end mark')
    if ((frame.kind === HEADER_KIND) !== (this.#header === undefined)) {
      throw new BackupRefused('its header is not the first frame')
    }
    switch (frame.kind) {
      case HEADER_KIND:
        this.#header = this.#parsed(frame, isHeader)
        return undefined
      case ENTRY_KIND:
        return this.#entry(frame)
      case END_KIND:
        this.#end(this.#parsed(frame, isTotals))
        return undefined
      case FAILURE_KIND:
        throw new BackupRefused(
          `the node could not finish it: ${this.#parsed(frame, isFailure).reason}`,
        )
      default:
        throw new BackupRefused(`it has a frame of the unknown kind ${frame.kind}`)
    }
  }

  #entry({ payload }: Frame): BackupEntry {
    let entry: BackupEntry
    try {
      entry = decodeEntry(payload)
    } catch (error) {
      throw this.#unreadable(error)
    }
    const { buckets } = this.#header as BackupHeader
    const last = this.#last
    const isInOrder =
      last === undefined ||
      entry.bucket > last.bucket ||
      (entry.bucket === last.bucket && compareKeys(last.key, entry.key) < 0)
    if (!isInOrder || entry.bucket >= buckets.length) {
      throw new BackupRefused('its keys are not in order')
    }
    this.#last = entry
    this.#totals = addEntry(this.#totals, entry)
    return entry
  }

  #end(totals: BackupTotals): void {
    const names = Object.keys(NO_TOTALS) as (keyof BackupTotals)[]
    for (const name of names) {
      if (totals[name] === this.#totals[name]) continue
      throw new BackupRefused(
        `its end mark counts ${totals[name]} for ${name}, it has ${this.#totals[name]}`,
      )
    }
    this.#isOver = true
  }

  #parsed<T>({ payload }: Frame, isValid: (data: unknown) => data is T): T {
    let data: unknown
    try {
      data = decodeJson(payload)
    } catch (error) {
      throw this.#unreadable(error)
    }
    if (isValid(data)) return data
    throw this.#unreadable('a member is missing')
  }

  /** The check of the frame is right, so another program wrote it. */
  #unreadable(error: unknown): BackupRefused {
    return new BackupRefused(
      `the frame before byte ${this.#frames.offset} is unreadable (${String(error)})`,
    )
  }
}

function isFailure(data: unknown): data is { readonly reason: string } {
  return (
    typeof data === 'object' &&
    data !== null &&
    typeof (data as { reason?: unknown }).reason === 'string'
  )
}
