/** One write of a key, as its owners keep it for as long as no other has replaced it. */
import type { Dot } from './dot.ts'
import type { VersionVector } from './version-vector.ts'

export interface Sibling extends Dot {
  /** Empty for a tombstone, unless a counter's remembers names (update-name.ts). */
  readonly value: Uint8Array
  /** Of the value, as the client gave it; empty for a tombstone. */
  readonly contentType: string
  readonly tombstone: boolean
  /**
   * Wall time from which the sibling counts as deleted, in ms since 1970; 0 means never. A tombstone with such a time was
   * a value, and has been shrunk since (expired-value.ts).
   */
  readonly expiresAtMs: number
  /** The `Session` of its writer (session.ts): what it had seen, where not every owner was known to hold it. */
  readonly dependencies?: ReadonlyMap<string, VersionVector>
}

/** What a client writes: a sibling before it has a dot. */
export type Content = Pick<
  Sibling,
  'value' | 'contentType' | 'tombstone' | 'expiresAtMs' | 'dependencies'
>

/** A delete has no time of expiry; a tombstone that has one was a value. */
export function isShrunk({ tombstone, expiresAtMs }: Sibling): boolean {
  return tombstone && expiresAtMs !== 0
}

/** The shrunk one of two copies of one sibling, which is the one to keep; `a` where both or none are shrunk. */
export function preferShrunk(a: Sibling, b: Sibling): Sibling {
  return isShrunk(b) && !isShrunk(a) ? b : a
}
