/** What a client that watches a bucket asks for, and what it is told. */
import type { Dot } from '../../core/causality/dot.ts'
import type { Position } from '../../core/watch/position.ts'

export interface WatchRequest {
  readonly bucket: string
  readonly prefix: string
  /**
   * `now`: only changes from now on. `everything`: every key as it is now, and then its changes. A position: where an
   * earlier watch of the bucket, at any node, has come to.
   */
  readonly from: 'now' | 'everything' | Position
}

/** One reader takes the steps, one after the other. */
export interface Watch {
  /** Where a later watch can continue, at any node. Everything before it has been told. */
  readonly position: WatchPosition
  next(): Promise<WatchStep>
  status(): WatchStatus
  close(): void
}

/** `everything`: a later watch has to begin with every key, because not every key has been told. */
export type WatchPosition = Position | 'everything'

export type WatchStep =
  /** The position lies behind all of these keys. A key may come again, and an older state of it after a newer one. */
  | {
      readonly type: 'changes'
      readonly keys: readonly WatchedKey[]
      readonly position: WatchPosition
    }
  /** Changes were missed. Now every key comes as it is, up to `complete`. Keys that do not come are gone. */
  | { readonly type: 'reset' }
  | { readonly type: 'complete'; readonly position: WatchPosition }
  | { readonly type: 'end'; readonly reason: string }

/** A key as it is now. Without siblings, it was deleted, or its value has expired. */
export interface WatchedKey {
  readonly key: string
  /** Total size of all live values, in bytes. */
  readonly size: number
  readonly siblings: number
  /** The live siblings' dots, for the ETag. */
  readonly dots: readonly Dot[]
}

export interface WatchStatus {
  /** Data partitions whose changes may come late, because this node does not reach most of their owners, or a key is undecided. */
  readonly hiddenPartitions: readonly number[]
  /** Every write up to this time has been told, or a newer state of its key. Undefined if that is not known. */
  readonly toldUntilMs: number | undefined
}
