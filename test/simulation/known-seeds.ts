/**
 * For most planted bugs a run that finds them within a few seconds of CPU time, every second of which `npm test` repeats. The run has
 * the same faults and workloads as the search, but may be shorter. If a seed no longer finds its bug, `npm test` prints
 * the new line for it.
 */
export interface KnownSeed {
  readonly seed: number
  /** The duration of load and faults; the duration of the bug if undefined. */
  readonly seconds?: number
}

export const KNOWN_SEEDS: Readonly<Record<string, KnownSeed>> = {
  'waits-for-stalled-disk': { seed: 6, seconds: 30 },
  'writes-after-stall': { seed: 1, seconds: 10 },
  'acknowledge-before-fsync': { seed: 1, seconds: 10 },
  'forward-twice': { seed: 4, seconds: 10 },
  'name-ignored': { seed: 2, seconds: 20 },
  'merge-drops-sibling': { seed: 1, seconds: 10 },
  'clocks-never-agree': { seed: 1, seconds: 10 },
  'clock-goes-back': { seed: 5 },
  'fallbacks-in-the-majority': { seed: 6, seconds: 10 },
  'deadline-ignored': { seed: 1, seconds: 40 },
  'unknown-told-as-rejected': { seed: 1, seconds: 10 },
  'vector-pruned-too-early': { seed: 2, seconds: 20 },
  'blind-write-never-replaces': { seed: 1, seconds: 10 },
  'token-not-merged-on-read': { seed: 4, seconds: 20 },
  'dependency-dropped-before-settled': { seed: 4, seconds: 20 },
  'dependencies-not-stored': { seed: 5, seconds: 30 },
  'past-not-replaced': { seed: 1, seconds: 10 },
  'own-write-forgotten': { seed: 8, seconds: 10 },
  'acceptance-not-synced': { seed: 1, seconds: 10 },
  'lease-ballot-reused': { seed: 1, seconds: 10 },
  'repair-to-the-older-proposal': { seed: 1, seconds: 10 },
  'stale-fast-read': { seed: 1, seconds: 10 },
  'condition-of-the-first': { seed: 3, seconds: 20 },
  'idempotency-key-forgotten': { seed: 2, seconds: 20 },
  'doubtful-write-made-again': { seed: 2, seconds: 20 },
  'move-quorum-of-the-old': { seed: 1 },
  'incarnation-reused': { seed: 32, seconds: 20 },
  'hints-without-a-bound': { seed: 5, seconds: 30 },
  'filling-forgotten': { seed: 22, seconds: 20 },
  'accept-below-promise': { seed: 2 },
  'lease-without-a-promise': { seed: 3, seconds: 10 },
  'bucket-name-reused': { seed: 1, seconds: 5 },
  'watch-deaf-to-expiry': { seed: 1, seconds: 6 },
}
