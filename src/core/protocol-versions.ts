/**
 * The protocol versions between nodes that this code speaks: its own and the previous one, so that a cluster can be
 * upgraded one node at a time (node/wire/wire-version.ts lists the differences).
 */
export const VERSIONS: { readonly oldest: number; readonly newest: number } = {
  oldest: 2,
  newest: 3,
}
