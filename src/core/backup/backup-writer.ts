/**
 * Writes a backup as bytes, part by part: `begin`, then an `entry` for each key in the order of the header's buckets
 * and of their keys, and at last `end` or `fail`.
 */
import { assert } from '../assert.ts'
import {
  addEntry,
  type BackupEntry,
  type BackupHeader,
  type BackupTotals,
  encodeEntry,
  encodeJson,
  END_KIND,
  ENTRY_KIND,
  FAILURE_KIND,
  HEADER_KIND,
  NO_TOTALS,
} from './backup-parts.ts'
import { FIRST_LINE, FrameWriter } from './frame-chain.ts'

export class BackupWriter {
  readonly #frames = new FrameWriter()
  #totals = NO_TOTALS
  #isOver = false

  get totals(): BackupTotals {
    return this.#totals
  }

  begin(header: BackupHeader): Uint8Array[] {
    return [new TextEncoder().encode(FIRST_LINE), this.#frame(HEADER_KIND, encodeJson(header))]
  }

  entry(entry: BackupEntry): Uint8Array {
    this.#totals = addEntry(this.#totals, entry)
    return this.#frame(ENTRY_KIND, encodeEntry(entry))
  }

  end(): Uint8Array {
    return this.#last(END_KIND, this.#totals)
  }

  /** Says why the backup could not be finished. A reader refuses the file and repeats the reason. */
  fail(reason: string): Uint8Array {
    return this.#last(FAILURE_KIND, { reason })
  }

  #last(kind: number, data: unknown): Uint8Array {
    const frame = this.#frame(kind, encodeJson(data))
    this.#isOver = true
    return frame
  }

  #frame(kind: number, parts: readonly Uint8Array[]): Uint8Array {
    assert(!this.#isOver, 'nothing follows the last frame of a backup')
    return this.#frames.frame(kind, parts)
  }
}
