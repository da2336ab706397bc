/** Loads and stores the protocol version that each member speaks, as far as this node knows. */
import { MemberVersions } from '../../core/membership/member-versions.ts'
import type { Encodable } from '../../ports/codec.ts'
import { decodeVersions, encodeVersions } from '../wire/wire-version.ts'
import type { NodeState } from './node-state.ts'

/** The versions that earlier lives of this node knew. Each change from now on is stored. */
export function loadVersions(state: NodeState, self: string): MemberVersions {
  // The stored value has pairs of a peer and its stamp, and then a list (peer-lives.ts). Keep only the peers.
  const heard = ((state.get('heard') as readonly Encodable[] | undefined) ?? []).filter(
    (item): item is string => typeof item === 'string',
  )
  const versions = new MemberVersions(self, decodeVersions(state.get('versions') ?? []), heard)
  // If the disk cannot store a change, the next life counts the member as old until it hears from it.
  versions.changed.listen(() => {
    state.set('versions', encodeVersions(versions.entries())).catch(() => undefined)
  })
  return versions
}
