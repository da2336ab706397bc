/**
 * The versions of the protocol between nodes that this code speaks: the one of its own, and the one before, so that a
 * cluster can be upgraded one node after the other (node/wire/wire-version.ts has what is different).
 */
export const VERSIONS: { readonly oldest: number; readonly newest: number } = {
  oldest: 2,
  newest: 3,
}
