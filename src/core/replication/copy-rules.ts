/** How the protocols of reads compare and merge the copies of a key. The node gives the rules of the key's bucket. */
export interface CopyRules<C, V> {
  readonly versionOf: (copy: C) => V
  /** Two copies with the same version are equal. */
  readonly isSame: (a: V, b: V) => boolean
  /** The merged copy contains every write of both. Merging is commutative, associative and idempotent. */
  readonly merge: (a: C, b: C) => C
  /** Whether the key has never been written, as far as this copy knows. */
  readonly isAbsent: (copy: C) => boolean
}

/** One owner's answer: its full copy, or only its version. */
export interface Found<C, V> {
  readonly version: V
  readonly copy: C | undefined
}
