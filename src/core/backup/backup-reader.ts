/**
 * Reads a backup from bytes in pieces of any size. It keeps one key and one piece in memory.
 *
 * Invariant: `finish` returns only for a whole backup: one header, keys in strict order, and an end mark whose totals
 * are those of the entries. So use no entry before `finish` has returned, unless an earlier reader has read the whole
 * file.
 */
import { compareKeys } from '../placement/key-order.ts'
import {
  addEntry,
  type BackupEnd,
  type BackupEntry,
  type BackupHeader,
  type BackupTotals,
  decodeEntry,
  decodeJson,
  END_KIND,
  ENTRY_KIND,
  FAILURE_KIND,
  HEADER_KIND,
  isEnd,
  isHeader,
  NO_TOTALS,
  sumOf,
} from './backup-parts.ts'
import { BackupRefused } from './backup-refused.ts'
import { type Frame, FrameReader } from './frame-chain.ts'

/** A whole backup, without the buckets that were deleted while it was made. */
export interface ReadBackup {
  readonly totals: BackupTotals
  /** Buckets of the header that are no part of the backup: ignore their entries. */
  readonly deletedBuckets: readonly string[]
}

export class BackupReader {
  readonly #frames = new FrameReader()
  #header: BackupHeader | undefined
  #last: BackupEntry | undefined
  /** By the place of the bucket in the header. */
  readonly #totals: BackupTotals[] = []
  #end: BackupEnd | undefined

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
  finish(): ReadBackup {
    const end = this.#end
    if (end === undefined) {
      throw new BackupRefused(
        `it was cut off: it has no end mark, only ${this.#frames.offset} good bytes`,
      )
    }
    if (this.#frames.hasRest) throw new BackupRefused('bytes follow its end mark')
    const { deletedBuckets = [] } = end
    const { buckets } = this.#header as BackupHeader
    const kept = this.#totals.filter((_, i) => !deletedBuckets.includes(buckets[i]?.name ?? ''))
    return { totals: sumOf(kept), deletedBuckets }
  }

  #take(frame: Frame): BackupEntry | undefined {
    if (this.#end !== undefined) throw new BackupRefused('bytes follow its end mark')
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
        this.#close(this.#parsed(frame, isEnd))
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
    this.#totals[entry.bucket] = addEntry(this.#totals[entry.bucket] ?? NO_TOTALS, entry)
    return entry
  }

  #close(end: BackupEnd): void {
    const found = sumOf(this.#totals.filter((totals) => totals !== undefined))
    const names = Object.keys(NO_TOTALS) as (keyof BackupTotals)[]
    for (const name of names) {
      if (end[name] === found[name]) continue
      throw new BackupRefused(`its end mark counts ${end[name]} for ${name}, it has ${found[name]}`)
    }
    this.#end = end
  }

  #parsed<T>({ payload }: Frame, isValid: (data: unknown) => data is T): T {
    let data: unknown
    try {
      data = decodeJson(payload)
    } catch (error) {
      throw this.#unreadable(error)
    }
    if (isValid(data)) return data
    throw this.#unreadable('a field is missing')
  }

  /** Not called damaged, because the check of the frame is right: another program wrote it. */
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
