/**
 * What nodes say to each other. A frame is `[stamp, wallMs, epoch, life, items, version]`: the sender's hybrid
 * clock, its wall clock, its topology epoch, a number of its process, everything bound for that peer in one turn, and
 * the version of the protocol that it is written in (wire-version.ts).
 *
 *   an ask     [id, kind, deadlineMs, …body]    id 0: no answer is wanted
 *   an answer  [id, 'ok', …body] or [id, code, sentence]
 *
 * The deadline is absolute, in ms of the hybrid clock's wall time, so that no message from the past applies.
 */
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Encodable } from '../../ports/codec.ts'

export type AskKind =
  /**
   * [bucket, key, record, flags] → [whether a live value was held before, the dots that the record's vector did not cover
   * (siblings, on request), the newest timestamp held (lww), whether the own copies were whole].
   */
  | 'apply'
  /** [owner, bucket, key, record]: keep it for that owner → []. */
  | 'hint'
  /** [bucket, key] → [record], empty where absent. */
  | 'read'
  /** [bucket, key] → the version (object-record.ts). */
  | 'version'
  /** [bucket, key]: what this node keeps of the key for others → [record], empty where nothing. */
  | 'read-hints'
  /** []: have you heard of me before? → [the highest stamp of my earlier lives] (arrival.ts). */
  | 'hello'
  /** [floors, copy counts, versions] → [floors, a hash for each count, versions] (anti-entropy.ts, tree-answers.ts). */
  | 'sync'
  /** [copy count, level, places] → [hashes]. */
  | 'tree'
  /** [copy count, places] → [names, hashes]. */
  | 'leaves'
  /** [bucket, key] → [record, horizon, whether it is complete]: for comparison, while it may not be. */
  | 'fetch'
  /** A client's write for an owner to coordinate (write-forward.ts). */
  | 'put'
  /** A client's update of a counter or a set, likewise. */
  | 'update'
  /** [bucket, prefix, after, limit] → [end, …entries] (key-listing.ts). */
  | 'list'
  /** [] → this node's own view (cluster-view.ts). */
  | 'status'
  /** [partition, after] → [next, …storage keys and records] (partition-stream.ts). */
  | 'stream'
  /** [placement]: the asker has taken over, under it, all that this node held. One way (release.ts). */
  | 'took-over'
  /** [] → what this node does for the change of the members (member-changes.ts). */
  | 'moves'
  /** [] → [document] (topology-keeper.ts). */
  | 'topology'
  /** [document]: a decided one → []. */
  | 'decided'
  /** [instance, ballot] → the voter's reply, on the document of that epoch (topology-acceptor.ts). */
  | 'prepare'
  /** [instance, ballot, document] → the voter's reply. */
  | 'accept'
  /** [instance, ballot] → a promise, whatever has been promised before, for who has lost its own (topology-recall.ts). */
  | 'recall'
  /** [bucket, key, placedAt, ballot] → the acceptor's reply, for a strong key (acceptor-messages.ts). */
  | 'register-prepare'
  /** [bucket, key, placedAt, record]: the proposal, with its ballot → the acceptor's reply. */
  | 'register-accept'
  /** [bucket, key, whether the copy is wanted] → [whether it is settled, record or ballot]. */
  | 'register-read'
  /** [placedAt] → [a time that no promise for strong keys lies beyond], of a node that takes nothing of older placements. */
  | 'register-promised'
  /** A client's operation on a strong key, for an owner to propose (register-forward.ts). */
  | 'register-change'
  /** Membership gossip: one way. */
  | 'swim'

/** These work across epochs: they are what brings an old epoch up to date, or only inform. */
export const ANY_EPOCH: ReadonlySet<string> = new Set<AskKind>([
  'hello',
  'swim',
  'topology',
  'decided',
  'prepare',
  'accept',
  'recall',
  'status',
  'moves',
])

/** A client's write: done twice, it would be two writes. */
export const ONCE_ONLY: ReadonlySet<string> = new Set<AskKind>(['put', 'update', 'register-change'])

/** Why an answer is not 'ok'. Each but `failed` says: certainly nothing was applied at this node. */
export type RefusalCode =
  | 'late'
  | 'stale_epoch'
  | 'clock_drift'
  | 'overloaded'
  | 'storage_full'
  | 'storage_failed'
  | 'record_corrupt'
  | 'too_many_siblings'
  | 'not_ready'
  /** Older than what this owner has settled, and not held here: replaced long ago. */
  | 'history'
  | 'unknown_bucket'
  /** The key has other owners now, or had them when the question was asked. */
  | 'not_owner'
  | 'bad_message'
  /** It may have been applied: the disk failed under the write. */
  | 'failed'

/** What an owner says instead of an answer. */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
}

/** Bits of the `apply` flags. */
export const APPLY_REPORT_UNCOVERED = 1
/** The sender merged a majority of owners: may replace a record that cannot be read. */
export const APPLY_REPAIRS_CORRUPT = 2
/** Not a new write: where it is history to the owner, the owner has what there is to have. */
export const APPLY_IS_REPAIR = 4
/** The sender has to know whether the copies of this owner were whole: the answer says so, and waits until it can. */
export const APPLY_ASKS_WHOLE = 8

export type Ask = readonly [id: number, kind: AskKind, deadlineMs: number, ...body: Encodable[]]
export type Answer = readonly [id: number, code: 'ok' | RefusalCode, ...body: Encodable[]]
export interface Frame {
  readonly stamp: number
  readonly wallMs: number
  readonly epoch: number
  readonly life: number
  readonly items: readonly Encodable[]
  readonly version: number
}

function isSpoken(version: number): boolean {
  return Number.isInteger(version) && version >= VERSIONS.oldest && version <= VERSIONS.newest
}

/** The most items of one frame; a turn that has more for one peer sends several. */
export const FRAME_ITEMS_MAX = 1024
/** Frames are cut at about this size, so that one peer's megabytes do not delay the small ones behind. */
export const FRAME_BYTES_TARGET = 4 * 1024 * 1024

export function encodeFrame({ stamp, wallMs, epoch, life, items, version }: Frame): Encodable[] {
  return [stamp, wallMs, epoch, life, items, version]
}

/** Throws on anything that is not a frame of a version known here; the link it came from is then closed. */
export function parseFrame(data: Encodable): Frame {
  if (!Array.isArray(data) || data.length !== 6) throw new Error('not a frame')
  const [stamp, wallMs, epoch, life, items, version] = data as unknown[]
  if (typeof version !== 'number' || !isSpoken(version)) {
    throw new Error(`a frame of version ${String(version)} of the protocol`)
  }
  if (
    !Number.isSafeInteger(stamp) ||
    !Number.isSafeInteger(wallMs) ||
    !Number.isSafeInteger(epoch) ||
    !Number.isSafeInteger(life) ||
    !Array.isArray(items)
  ) {
    throw new Error('not a frame')
  }
  if (items.length > FRAME_ITEMS_MAX) throw new Error('a frame of too many items')
  for (const item of items as unknown[]) {
    if (!Array.isArray(item) || !Number.isSafeInteger(item[0]) || typeof item[1] !== 'string') {
      throw new Error('not an ask or an answer')
    }
  }
  return { stamp, wallMs, epoch, life, items, version } as Frame
}
