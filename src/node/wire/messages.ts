/**
 * The messages between nodes. A frame is `[stamp, wallMs, epoch, life, items, version]`: the sender's hybrid clock, its
 * wall clock, its topology epoch, the number of its process, all messages to that peer of one turn of the event loop,
 * and the version of the protocol (wire-version.ts). A message is an *ask* (a request) or an answer:
 *
 *   an ask     [id, kind, deadlineMs, …body]    id 0: no answer is expected
 *   an answer  [id, 'ok', …body] or [id, code, sentence]
 *
 * The deadline is absolute, in ms of the hybrid clock's wall time. So a message that arrives too late has no effect.
 */
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Encodable } from '../../ports/codec.ts'

export type AskKind =
  /**
   * [bucket, key, record, flags] → [whether a live value was held before, the dots that the record's vector did not
   * cover (mode siblings, on request), the newest timestamp held (mode lww), whether the owner's copies are complete].
   */
  | 'apply'
  /** [owner, bucket, key, record]: keep the record for that owner → []. */
  | 'hint'
  /** [bucket, key] → [record], empty if absent. */
  | 'read'
  /** [bucket, key] → the version (object-record.ts). */
  | 'version'
  /** [bucket, key] → [record]: the hints for the key, merged; empty if there are none. */
  | 'read-hints'
  /** [] → the stamps that the peer has heard of the sender's earlier lives (arrival.ts, peer-lives.ts). */
  | 'hello'
  /** [floors, copy counts, versions] → [floors, a hash for each count, versions] (anti-entropy.ts, tree-answers.ts). */
  | 'sync'
  /** [copy count, level, places] → [hashes]. */
  | 'tree'
  /** [copy count, places] → [names, hashes]. */
  | 'leaves'
  /** [bucket, key] → [record, horizon, whether it is complete]: for comparison, also while the copy is incomplete. */
  | 'fetch'
  /** A client's write for an owner to coordinate (write-forward.ts). */
  | 'put'
  /** A client's update of a counter or a set, for an owner to coordinate (write-forward.ts). */
  | 'update'
  /** [bucket, prefix, after, limit] → [end, …entries] (key-listing.ts). */
  | 'list'
  /** [] → the peer's view of the cluster (cluster-view.ts). */
  | 'status'
  /** [partition, after] → [next, …storage keys and records] (partition-stream.ts). */
  | 'stream'
  /** [placement]: under this placement, the sender has copied all that the receiver held. No answer (release.ts). */
  | 'took-over'
  /** [] → the peer's progress in a membership change (member-changes.ts). */
  | 'moves'
  /** [] → [document] (topology-keeper.ts). */
  | 'topology'
  /** [document]: a decided topology → []. */
  | 'decided'
  /** [instance, ballot] → the voter's reply, about the topology of that epoch (topology-acceptor.ts). */
  | 'prepare'
  /** [instance, ballot, document] → the voter's reply. */
  | 'accept'
  /** [instance, ballot] → a promise, even after a higher one: for a voter that lost its own (topology-recall.ts). */
  | 'recall'
  /** [bucket, key, placementVersion, ballot] → the acceptor's reply, for a strong key (acceptor-messages.ts). */
  | 'register-prepare'
  /** [bucket, key, placementVersion, record]: the proposal, which contains its ballot → the acceptor's reply. */
  | 'register-accept'
  /** [bucket, key, whether the copy is wanted] → [whether it is settled, record or ballot]. */
  | 'register-read'
  /** [placementVersion] → [upper bound of the peer's promises for strong keys]; the peer then refuses older placements. */
  | 'register-promised'
  /** A client's operation on a strong key, for an owner to propose (register-forward.ts). */
  | 'register-change'
  /** Membership gossip. No answer. */
  | 'swim'

/** Asks that work between nodes of different epochs: they bring an old epoch up to date, or only inform. */
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

/** Asks that carry a client's write. If one ran twice, the write would be applied twice. */
export const ONCE_ONLY: ReadonlySet<string> = new Set<AskKind>(['put', 'update', 'register-change'])

/** The reason of a refusal. After each code except `failed`, the node has certainly applied nothing. */
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
  /** The write is older than the owner's horizon, and not held here: it was replaced long ago. */
  | 'history'
  | 'unknown_bucket'
  /** The node does not own the key under its own placement, or under the sender's. */
  | 'not_owner'
  | 'bad_message'
  /** The disk failed during the write, so the write may have been applied. */
  | 'failed'

/** A node's refusal of an ask. */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
}

/** Bits of the `apply` flags. */
export const APPLY_REPORT_UNCOVERED = 1
/** The sender has merged the copies of a majority, so this copy may replace a record that cannot be read. */
export const APPLY_REPAIRS_CORRUPT = 2
/** This is a repair, not a new write. If it is history to the owner, the owner is up to date already. */
export const APPLY_IS_REPAIR = 4
/** The sender must know whether this owner's copies are complete. The answer waits until the owner can tell. */
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

/** The largest number of items in one frame. If a turn has more for one peer, it sends several frames. */
export const FRAME_ITEMS_MAX = 1024
/** A frame ends at about this size, so that large messages do not delay the small ones behind them for long. */
export const FRAME_BYTES_TARGET = 4 * 1024 * 1024

export function encodeFrame({ stamp, wallMs, epoch, life, items, version }: Frame): Encodable[] {
  return [stamp, wallMs, epoch, life, items, version]
}

/** Throws on anything that is not a frame of a known version. The caller then closes the link. */
export function parseFrame(data: Encodable): Frame {
  if (!Array.isArray(data) || data.length !== 6) throw new Error('not a frame')
  const [stamp, wallMs, epoch, life, items, version] = data as unknown[]
  if (typeof version !== 'number' || !isSpoken(version)) {
    throw new Error(
      `the frame has version ${String(version)} of the protocol, which is not known here`,
    )
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
  if (items.length > FRAME_ITEMS_MAX) throw new Error('the frame has too many items')
  for (const item of items as unknown[]) {
    if (!Array.isArray(item) || !Number.isSafeInteger(item[0]) || typeof item[1] !== 'string') {
      throw new Error('not an ask or an answer')
    }
  }
  return { stamp, wallMs, epoch, life, items, version } as Frame
}
