/**
 * The two clocks of a node, never mixed: `wallMs` for timestamps, expiry and display (may jump either way),
 * `monotonicMs` for elapsed time and timeouts (never goes back, has no meaning outside this process).
 */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  wallMs(): number
  /** Milliseconds since some fixed moment of this process; fractions allowed. */
  monotonicMs(): number
}
