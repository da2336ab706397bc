/**
 * How nodes of this version and of the one before work together while a cluster is upgraded one node after the other.
 *
 * - Data goes on: `askFor` gives each ask the form that the version of the link has for it.
 * - The topology stays as it is: every member must speak the newest version before a document may be decided, because
 *   a document may name what the older version does not know.
 * - Updates of a counter under an idempotency key wait: version 2 would count their repeats.
 */
import type { Topology } from '../core/placement/topology.ts'
import { VERSIONS } from '../core/protocol-versions.ts'
import type { Ask, AskKind } from './messages.ts'

/** Kinds of asks that came with version 3. */
const UNKNOWN_TO_2: ReadonlySet<string> = new Set<AskKind>([])

/** The ask as a node of that version reads it; undefined where that version has no such ask. */
export function askFor(version: number, ask: Ask): Ask | undefined {
  return version < 3 && UNKNOWN_TO_2.has(ask[1]) ? undefined : ask
}

/**
 * Why this node cannot change the topology now; undefined where it can. `versionOf` gives the version that the link
 * to a member speaks, where the link is open.
 */
export function whyNoChange(
  self: string,
  { members }: Topology,
  versionOf: (member: string) => number | undefined,
): string | undefined {
  const old = members.filter(({ id }) => {
    const version = id === self ? undefined : versionOf(id)
    return version !== undefined && version < VERSIONS.newest
  })
  if (old.length === 0) return undefined
  const names = old.map(({ id }) => id).join(', ')
  const versions = `${self} and ${names} speak version ${VERSIONS.oldest} of the protocol with each other`
  return `${versions}: the topology can be changed once every member is upgraded. Reads and writes of data go on.`
}

/** Why an update of a counter cannot have a name now; undefined where it can. `versionOf` as above. */
export function whyNoNames(
  self: string,
  members: ReadonlySet<string>,
  versionOf: (member: string) => number | undefined,
): string | undefined {
  const old = [...members].filter((id) => id !== self && (versionOf(id) ?? VERSIONS.newest) < 3)
  if (old.length === 0) return undefined
  return (
    `${self} and ${old.join(', ')} speak version 2 of the protocol with each other, which does not know the ` +
    'Idempotency-Key of a counter: it is kept once every member is upgraded; nothing was applied'
  )
}
