/** Which version of the protocol each member speaks, as far as this node knows, across its restarts. */
import { MemberVersions } from '../../core/membership/member-versions.ts'
import type { Encodable } from '../../ports/codec.ts'
import { decodeVersions, encodeVersions } from '../wire/wire-version.ts'
import type { NodeState } from './node-state.ts'

/** The versions that this node's earlier lives knew, and, from now on, those that it hears of: stored as they change. */
export function loadVersions(state: NodeState, self: string): MemberVersions {
  // Pairs of a peer and its stamp, and behind them a list (peer-lives.ts).
  const heard = ((state.get('heard') as readonly Encodable[] | undefined) ?? []).filter(
    (item): item is string => typeof item === 'string',
  )
  const versions = new MemberVersions(self, decodeVersions(state.get('versions') ?? []), heard)
  // Where the disk does not take it, the next life counts the member as old, until it is heard.
  versions.onChange = () =>
    void state.set('versions', encodeVersions(versions.entries())).catch(() => undefined)
  return versions
}
