/**
 * The durable, ordered key-value storage of one node. It is LevelDB in production. The simulator has its own, and both
 * pass `test/conformance/disk.ts`.
 *
 * Keys are strings, ordered by their UTF-8 bytes. A batch is atomic: after a crash either all of it is there or
 * nothing. No batch survives a crash without every earlier one.
 */
export interface Disk extends DiskReader {
  /**
   * Applies the operations in order, as one batch. With `sync` it resolves only after the batch is durable;
   * without, a crash of the machine (not of the process) may lose it. Rejects with a `DiskError`.
   */
  write(operations: readonly DiskOperation[], options: { readonly sync: boolean }): Promise<void>

  /**
   * The disk as it is at this moment. It has every batch whose `write` has resolved, and each batch under way wholly or
   * not at all. What it holds takes space on the disk until it is closed. Throws a `DiskError`.
   */
  snapshot(): DiskSnapshot

  /**
   * Whether the disk takes writes now. The states `full`, `failed` and `stalled` end without help when their cause is
   * gone: space is free again, the database could be opened again, or the disk answers. Reads may work meanwhile. A
   * disk need not notice its own stall: node/storage/watched-disk.ts does.
   */
  health(): DiskHealth
  /** Calls `listener` at each change of `health()`. */
  onHealth(listener: (health: DiskHealth) => void): void

  /** Finishes accepted operations, then closes. Idempotent. */
  close(): Promise<void>
}

export interface DiskReader {
  /** One result for each key, in order; `undefined` if the key is absent. Rejects with a `DiskError`. */
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>

  /**
   * The entries with `from <= key < to` in key order, at most `limit` of them. Stops after the entry at which keys and
   * values together reach `bytesMax`, so a non-empty range always returns an entry. Rejects with a `DiskError`.
   */
  range(
    from: string,
    to: string,
    limit: number,
    bytesMax?: number,
  ): Promise<[key: string, value: Uint8Array][]>
}

/** No later write changes what it returns. Its reads fail once it or the disk is closed, or the disk had to recover. */
export interface DiskSnapshot extends DiskReader {
  /** Idempotent. Finishes the reads under way. */
  close(): Promise<void>
}

export type DiskOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }

export interface DiskHealth {
  readonly state: 'ok' | 'full' | 'failed' | 'stalled'
  /** A sentence for the log and the status; empty if the state is ok. */
  readonly reason: string
  /** Bytes that can still be written before writes are refused; undefined if the disk cannot tell. */
  readonly freeBytes: number | undefined
}

/**
 * Why a disk call failed. `effect: 'none'`: nothing of it was or ever will be stored. `effect: 'unknown'`: the batch
 * may be there after a restart. Reads always have effect none.
 */
export class DiskError extends Error {
  /** `disk_busy`: too many operations wait for the disk. The disk itself reported no error. */
  readonly code: 'disk_full' | 'disk_failed' | 'disk_closed' | 'disk_busy'
  readonly effect: 'none' | 'unknown'
  constructor(
    code: DiskError['code'],
    effect: DiskError['effect'],
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'DiskError'
    this.code = code
    this.effect = effect
  }
}
