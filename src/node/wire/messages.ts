/**
 * This room decides how nodes write what they say to each other. It relies only on the codec, and knows neither the
 * network nor the disk. Invariant: every decoder checks what it reads and throws on garbage, so a damaged or foreign
 * message goes no further. A peer may speak the previous version of the protocol (wire-version.ts), so the order of
 * fields never changes.
 *
 * The messages between nodes are sent in frames. A frame is `[stamp, wallMs, epoch, life, items, version]`: the
 * sender's hybrid clock, its wall clock, its topology epoch, the number of its process, all messages to that peer of
 * one turn of the event loop, and the version of the protocol (wire-version.ts). A message is an *ask* (a request) or
 * an answer:
 *
 *   an ask     [id, kind, deadlineMs, …body]    id 0: no answer is expected
 *   an answer  [id, 'ok', …body] or [id, code, sentence]
 *
 * Each kind of ask has a format, which defines the body of the ask and of its answer (asks/ask-formats.ts).
 *
 * The deadline is absolute, in ms of the hybrid clock's wall time. So a message that arrives too late has no effect.
 */
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Encodable } from '../../ports/codec.ts'

/** The reasons of refusals. After each code except `failed` and `late`, the node has certainly applied nothing. */
export const REFUSAL_CODES = [
  /** The deadline has passed. The message may be a duplicate of one that came in time. */
  'late',
  'stale_epoch',
  'clock_drift',
  'overloaded',
  'storage_full',
  'storage_failed',
  'record_corrupt',
  'too_many_siblings',
  'not_ready',
  /** The write is older than the owner's horizon, and not held here: it was replaced long ago. */
  'history',
  'unknown_bucket',
  /** The node does not own the key under its own placement, or under the sender's. */
  'not_owner',
  'bad_message',
  /** The disk failed during the write, so the write may have been applied. */
  'failed',
] as const

export type RefusalCode = (typeof REFUSAL_CODES)[number]

/** A node's refusal of an ask. */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
}

export type Ask = readonly [id: number, kind: string, deadlineMs: number, ...body: Encodable[]]
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
