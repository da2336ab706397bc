/**
 * Decides whether a topology document can follow the one that this node knows, judged by the session key. Once agreed,
 * the key never changes, and every decided document has it.
 *
 * A document without the key is one that was shown to a node that is no member (removal.ts). It lacks the tokens of
 * clients, too. A member that went on from it would revoke all of them.
 */
import type { Topology } from '../../core/placement/topology.ts'

const OTHER_KEY = 'a document of another cluster, which has another session key'
const NO_KEY =
  'a document without the session key of the cluster: only nodes that are no members are shown such a document'

/** The reason why this node must not adopt the document; undefined if it may. */
export function whyNotNext(known: Topology, next: Topology, self: string): string | undefined {
  const { sessionKey: key } = known
  if (key === undefined || next.sessionKey === key) return undefined
  if (next.sessionKey !== undefined) return OTHER_KEY
  // A node that was removed learns of that from a document without the key.
  return next.members.some(({ id }) => id === self) ? NO_KEY : undefined
}

/** The reason why a voter must not accept the document; undefined if it may. */
export function whyNotProposable(known: Topology, next: Topology): string | undefined {
  const { sessionKey: key } = known
  if (key === undefined || next.sessionKey === key) return undefined
  return next.sessionKey === undefined ? NO_KEY : OTHER_KEY
}
