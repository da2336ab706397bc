/** Makes a proof smaller: it drops what the proof does not need, until nothing can be dropped. */

/** The passes over the list, in case that every one of them drops something. */
const PASSES_MAX = 20

/**
 * Half of the items are dropped at once, then a quarter, and at last one by one, the latest first. Every list that
 * `isProof` accepts is a proof, so the result is one if `items` are.
 */
export function smallestSubset<T>(
  items: readonly T[],
  isProof: (some: readonly T[]) => boolean,
): readonly T[] {
  let kept = items
  const dropAll = (size: number): boolean => {
    const before = kept.length
    for (let end = kept.length; end > 0; end -= size) {
      const fewer = kept.toSpliced(Math.max(0, end - size), Math.min(size, end))
      if (fewer.length < kept.length && isProof(fewer)) kept = fewer
    }
    return kept.length < before
  }
  for (let size = Math.ceil(items.length / 2); size > 1; size = Math.floor(size / 2)) dropAll(size)
  for (let pass = 0; pass < PASSES_MAX && dropAll(1); pass++);
  return kept
}
