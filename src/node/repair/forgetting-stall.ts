/**
 * Tells an operator that tombstones and expired values cannot be forgotten: for how long, and because of which members.
 * A member that is away holds the horizon back (core/repair/stability.ts), and the disks of the others fill slowly.
 */

/** A healthy cluster lags a few seconds. A restart or a short cut is not worth a message. */
export const STALL_MS = 60_000

export interface ForgettingStall {
  /** How long ago the last settled write was made. */
  readonly forMs: number
  /** Members that are behind, as far as this node knows. */
  readonly waitsFor: readonly string[]
}

/** A sentence with a space before it; empty if there is nothing to report. */
export function stallWords(
  stall: ForgettingStall | undefined,
  isReachable: (member: string) => boolean,
): string {
  if (stall === undefined) return ''
  const minutes = Math.floor(stall.forMs / 60_000)
  const away = stall.waitsFor.filter((id) => !isReachable(id))
  // Members in reach are usually behind because they keep hints for members out of reach, so name only the latter.
  const [names, why] =
    away.length > 0
      ? [
          away,
          `${isOrAre(away)} out of reach: start ${itOrThem(away)}, or remove ${itOrThem(away)} from the cluster`,
        ]
      : [stall.waitsFor, `${hasOrHave(stall.waitsFor)} not compared all copies since then`]
  if (names.length === 0)
    return ` No deletes or expired values have been forgotten for ${minutes} min.`
  return ` No deletes or expired values have been forgotten for ${minutes} min, because ${names.join(', ')} ${why}.`
}

function isOrAre({ length }: readonly string[]): string {
  return length === 1 ? 'is' : 'are'
}

function itOrThem({ length }: readonly string[]): string {
  return length === 1 ? 'it' : 'them'
}

function hasOrHave({ length }: readonly string[]): string {
  return length === 1 ? 'has' : 'have'
}
