/**
 * Decides how nodes of this version and of the previous one work together during a rolling upgrade.
 *
 * - Requests for data continue. Both versions know the same kinds of asks for data. The format of an ask
 *   (asks/ask-format.ts) says which of its fields version 2 lacks.
 * - The topology cannot change until every member speaks the newest version, because a new topology may contain fields
 *   that the older version does not know.
 * - Updates of a counter with an idempotency key are refused, because version 2 would count their repeats.
 * - Buckets are not deleted. Version 2 would give a new bucket the name of a deleted one, keeps the records of deleted
 *   buckets, and would so bring them back.
 * - Access tokens are not made. Version 2 does not know them, so its nodes would be open, and might lose them.
 * - Expired values keep their bytes, because nodes of version 2 would bring back the bytes that others have dropped.
 *
 * Nodes of earlier releases ignore the message `trace` (asks/trace-asks.ts), because it expects no answer.
 *
 * The last four rules of the list also hold while a member of version 2 is out of reach (core/membership/member-versions.ts).
 */
import type { HeardVersion } from '../../core/membership/member-versions.ts'
import type { Topology } from '../../core/placement/topology.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Encodable } from '../../ports/codec.ts'

/**
 * The reason why this node cannot change the topology now; undefined if it can. `versionOf` gives the version of the
 * link to a member, if the link is open.
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

/**
 * The reason why a counter cannot take an update with an idempotency key now; undefined if it can. `old`: the members
 * that may speak version 2.
 */
export function whyNoNames(old: readonly string[]): string | undefined {
  if (old.length === 0) return undefined
  return (
    `${old.join(', ')} may speak version 2 of the protocol, which does not support an Idempotency-Key for counters; ` +
    'nothing was applied: upgrade and start every member, then retry'
  )
}

/** The reason why no bucket can be deleted now; undefined if one can. `old`: the members that may speak version 2. */
export function whyNoDeletion(old: readonly string[]): string | undefined {
  if (old.length === 0) return undefined
  return (
    `${old.join(', ')} may speak version 2 of the protocol, which could give the name of a deleted bucket to another; ` +
    'nothing was deleted: upgrade and start every member, then retry'
  )
}

/** The reason why no access token can be made now; undefined if one can. `old`: the members that may speak version 2. */
export function whyNoToken(old: readonly string[]): string | undefined {
  if (old.length === 0) return undefined
  return (
    `${old.join(', ')} may speak version 2 of the protocol, which does not know access tokens; ` +
    'no token was made: upgrade and start every member, then retry'
  )
}

/** Gives member, version, stamp, member, version, stamp, … */
export function encodeVersions(entries: readonly HeardVersion[]): Encodable[] {
  return entries.flatMap(({ member, version, stamp }) => [member, version, stamp])
}

/** Throws on garbage. */
export function decodeVersions(data: unknown): HeardVersion[] {
  if (!Array.isArray(data) || data.length % 3 !== 0) throw new Error('not a list of versions')
  return Array.from({ length: data.length / 3 }, (_, i) => {
    const [member, version, stamp] = data.slice(3 * i, 3 * i + 3) as unknown[]
    const isWhole = Number.isSafeInteger(version) && Number.isSafeInteger(stamp)
    if (typeof member !== 'string' || !isWhole) throw new Error('not a version of a member')
    return { member, version: version as number, stamp: stamp as number }
  })
}
