/**
 * The consistency levels, and how many replies each waits for. The other files count the replies of one request:
 * tally.ts among one group of owners, joint-tally.ts among both groups while a key moves (owner-groups.ts).
 */

/** The levels without consensus. Buckets of mode `strong` allow them for reads only. */
export const PLAIN_LEVELS = ['weak', 'eventual', 'causal', 'quorum', 'all'] as const
export type PlainLevel = (typeof PLAIN_LEVELS)[number]

/** Every level. `strong` uses consensus, and only buckets of mode `strong` allow it. */
export const LEVELS = [...PLAIN_LEVELS, 'strong'] as const
export type Level = (typeof LEVELS)[number]

export interface QuorumNeed {
  /** Durable replies that a write waits for; 0 for `weak`. */
  readonly w: number
  /** Replies that a read waits for. */
  readonly r: number
  /** Whether a fallback's reply counts. */
  readonly sloppy: boolean
}

/** `r`, `w` and `sloppy` override the values of the level. */
export function quorumNeed(
  level: Level,
  n: number,
  overrides: {
    readonly r?: number | undefined
    readonly w?: number | undefined
    readonly sloppy?: boolean | undefined
  } = {},
): QuorumNeed {
  const need = needOfLevel(level, n)
  return {
    w: overrides.w ?? need.w,
    r: overrides.r ?? need.r,
    sloppy: overrides.sloppy ?? need.sloppy,
  }
}

export function majority(n: number): number {
  return Math.floor(n / 2) + 1
}

function needOfLevel(level: Level, n: number): QuorumNeed {
  switch (level) {
    case 'weak':
      return { w: 0, r: 1, sloppy: true }
    case 'eventual':
    case 'causal':
      return { w: 1, r: 1, sloppy: true }
    case 'strong':
    case 'quorum':
      return { w: majority(n), r: majority(n), sloppy: false }
    case 'all':
      return { w: n, r: n, sloppy: false }
    default:
      return level satisfies never
  }
}
