/** The consistency levels of this version, and what each waits for (design section 2). */

/** The levels that buckets of mode `siblings` and `lww` take. */
export const PLAIN_LEVELS = ['weak', 'eventual', 'causal', 'quorum', 'all'] as const
export type PlainLevel = (typeof PLAIN_LEVELS)[number]

export interface QuorumNeed {
  /** Durable replies that a write waits for; 0 for `weak`. */
  readonly w: number
  /** Replies that a read waits for. */
  readonly r: number
  /** Whether a fallback's reply counts. */
  readonly sloppy: boolean
}

/** `r`, `w` and `sloppy` override what the level says. */
export function quorumNeed(
  level: PlainLevel,
  n: number,
  overrides: { r?: number; w?: number; sloppy?: boolean } = {},
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

function needOfLevel(level: PlainLevel, n: number): QuorumNeed {
  switch (level) {
    case 'weak':
      return { w: 0, r: 1, sloppy: true }
    case 'eventual':
    case 'causal':
      return { w: 1, r: 1, sloppy: true }
    case 'quorum':
      return { w: majority(n), r: majority(n), sloppy: false }
    case 'all':
      return { w: n, r: n, sloppy: false }
    default:
      return level satisfies never
  }
}
