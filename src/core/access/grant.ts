/**
 * Grants: which rights a token has, over which buckets and keys. Every decision about rights is made here, by comparing
 * texts. Nothing is normalised: two texts are equal only if all their characters are.
 *
 * Invariants: without a grant that covers it, nothing is allowed. No right implies another one.
 */

/**
 * `read`: values and lists of keys. `write`: writes and deletes of keys. `admin`: the bucket itself, if the grant covers
 * all its keys; the cluster and its tokens, if the grant covers all buckets, too.
 */
export const RIGHTS = ['read', 'write', 'admin'] as const
export type Right = (typeof RIGHTS)[number]

export interface Grant {
  /** A pattern: the name of a bucket, or the beginning of names and one `*`. `*` alone stands for all buckets. */
  readonly bucket: string
  /** The grant covers the keys that begin with this text; '' for all keys. */
  readonly prefix: string
  /** At least one; each once. */
  readonly rights: readonly Right[]
}

/** In the place of a bucket name: all buckets, also those that do not exist yet. */
export const ALL_BUCKETS = '*'

const BUCKET_PATTERN = /^(?:[a-z0-9][a-z0-9._-]{0,62}|(?:[a-z0-9][a-z0-9._-]{0,61})?\*)$/

export function isBucketPattern(text: string): boolean {
  return BUCKET_PATTERN.test(text)
}

/**
 * Whether one of the grants gives the right to every key of the bucket that begins with `prefix`, and so to a key if
 * `prefix` is the whole key. One grant must cover the whole range: grants are not added up.
 */
export function hasRight(
  grants: readonly Grant[],
  right: Right,
  bucket: string,
  prefix: string,
): boolean {
  return grants.some(
    (grant) =>
      grant.rights.includes(right) &&
      coversBucket(grant.bucket, bucket) &&
      prefix.startsWith(grant.prefix),
  )
}

/** Whether one of the grants gives the right to all keys of all buckets. */
export function hasRightToAll(grants: readonly Grant[], right: Right): boolean {
  return hasRight(grants, right, ALL_BUCKETS, '')
}

/** Whether a grant covers the bucket, with any right to any of its keys. */
export function seesBucket(grants: readonly Grant[], bucket: string): boolean {
  return grants.some((grant) => coversBucket(grant.bucket, bucket))
}

/** Only the pattern `*` covers ALL_BUCKETS. */
function coversBucket(pattern: string, bucket: string): boolean {
  return pattern.endsWith(ALL_BUCKETS)
    ? bucket.startsWith(pattern.slice(0, -1))
    : bucket === pattern
}
