/**
 * The durable, ordered key-value storage of one node. LevelDB in production; the simulator has its own,
 * and both pass `test/conformance/disk.ts`.
 *
 * Keys are strings, ordered by their UTF-8 bytes. A batch is atomic: after a crash it is there whole or not
 * at all, and no later batch is there without every earlier one.
 */
export interface Disk {
  /** One result a key, in order; `undefined` where the key is absent. Rejects with a `DiskError`. */
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>

  /**
   * Applies the operations in order, as one batch. With `sync` it resolves only after the batch is durable;
   * without, a crash of the machine (not of the process) may lose it. Rejects with a `DiskError`.
   */
  write(operations: readonly DiskOperation[], options: { readonly sync: boolean }): Promise<void>

  /**
   * The entries with `from <= key < to` in key order, at most `limit` of them. Ends after the entry with which keys and
   * values together reach `bytesMax`, so a range with an entry always gives one. Rejects with a `DiskError`.
   */
  range(
    from: string,
    to: string,
    limit: number,
    bytesMax?: number,
  ): Promise<[key: string, value: Uint8Array][]>

  /**
   * Whether writes are taken at this moment. `full`, `failed` and `stalled` are left by themselves when the cause has
   * gone (space returned, the database could be opened again, the disk answers); reads may go on meanwhile. A disk
   * itself need not notice that it stalls: node/storage/watched-disk.ts does.
   */
  health(): DiskHealth
  /** Calls `listener` at each change of `health()`. */
  onHealth(listener: (health: DiskHealth) => void): void

  /** Finishes what was accepted, then closes. Idempotent. */
  close(): Promise<void>
}

export type DiskOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }

export interface DiskHealth {
  readonly state: 'ok' | 'full' | 'failed' | 'stalled'
  /** What happened, in words, for the log and for status; empty when ok. */
  readonly reason: string
  /** Bytes that may still be written before writes are refused; undefined where the disk cannot tell. */
  readonly freeBytes: number | undefined
}

/**
 * Why a disk call failed. `effect: 'none'`: certainly nothing of it was or ever will be stored.
 * `effect: 'unknown'`: the batch may be there after a restart. Reads always have effect none.
 */
export class DiskError extends Error {
  /** `disk_busy`: too many operations wait for the disk; it gave no error itself. */
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
