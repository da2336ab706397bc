/**
 * How nodes of this version and of the one before work together while a cluster is upgraded one node after the other.
 *
 * - Data goes on: `askFor` gives each ask the form that the version of the link has for it.
 * - The topology stays as it is: every member must speak the newest version before a document may be decided, because
 *   a document may name what the older version does not know.
 * - Updates of a counter under an idempotency key wait: version 2 would count their repeats.
 * - Expired values keep their bytes: version 2 would give back those that others have shrunk.
 *
 * The last two hold also where the member of version 2 is out of reach (core/membership/member-versions.ts).
 */
import type { HeardVersion } from '../../core/membership/member-versions.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Encodable } from '../../ports/codec.ts'
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

/** Why an update of a counter cannot have a name now; undefined where it can. `old`: members that may be of version 2. */
export function whyNoNames(old: readonly string[]): string | undefined {
  if (old.length === 0) return undefined
  return (
    `${old.join(', ')} may speak version 2 of the protocol, which does not know the Idempotency-Key of a counter: ` +
    'it is kept once every member is upgraded, or has been heard of; nothing was applied'
  )
}

/** member, version, stamp, … */
export function encodeVersions(entries: readonly HeardVersion[]): Encodable[] {
  return entries.flatMap(({ member, version, stamp }) => [member, version, stamp])
}

/** Throws on garbage. */
export function decodeVersions(data: Encodable): HeardVersion[] {
  if (!Array.isArray(data) || data.length % 3 !== 0) throw new Error('not a list of versions')
  return Array.from({ length: data.length / 3 }, (_, i) => {
    const [member, version, stamp] = data.slice(3 * i, 3 * i + 3) as unknown[]
    const isWhole = Number.isSafeInteger(version) && Number.isSafeInteger(stamp)
    if (typeof member !== 'string' || !isWhole) throw new Error('not a version of a member')
    return { member, version: version as number, stamp: stamp as number }
  })
}
