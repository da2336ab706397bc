/** One write of a key. Its owners keep it until another write replaces it. */
import type { Dot } from './dot.ts'
import type { VersionVector } from './version-vector.ts'

export interface Sibling extends Dot {
  /** Empty for a tombstone, unless the tombstone of a counter remembers names (update-name.ts). */
  readonly value: Uint8Array
  /** The content type of the value, as the client gave it; empty for a tombstone. */
  readonly contentType: string
  readonly tombstone: boolean
  /**
   * Wall time from which the sibling counts as deleted, in ms since 1970; 0 means never. A tombstone with an expiry
   * time was a value that has been shrunk (expired-value.ts).
   */
  readonly expiresAtMs: number
  /**
   * The `Session` of its writer (session.ts): the writes that it had seen and that not every owner was known to hold.
   */
  readonly dependencies?: ReadonlyMap<string, VersionVector>
}

/** The content that a client writes: a sibling without its dot. */
export type Content = Pick<
  Sibling,
  'value' | 'contentType' | 'tombstone' | 'expiresAtMs' | 'dependencies'
>

/** A delete has no expiry time, so a tombstone with one was a value. */
export function isShrunk({ tombstone, expiresAtMs }: Sibling): boolean {
  return tombstone && expiresAtMs !== 0
}

/** Of two copies of one sibling, the shrunk one, which is the one to keep; `a` if both or none are shrunk. */
export function preferShrunk(a: Sibling, b: Sibling): Sibling {
  return isShrunk(b) && !isShrunk(a) ? b : a
}
