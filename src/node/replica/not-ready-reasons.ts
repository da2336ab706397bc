/** `not_ready` refusals: they say why the copies of a node do not count at the moment (arrival.ts). */
import type { Refusal } from '../wire/messages.ts'
import type { CopyTrust } from './copy-trust.ts'

export const TOO_FEW_HAVE_TOLD =
  'this node has started, and a majority of the members has not yet confirmed that its data directory is the newest: retry; if this message persists, start more members or restore the network between them'

export const MAY_NOT_COUNT =
  "this node's data directory is not its newest, and too few owners have confirmed that they reject older processes of this node"

export const BEING_FILLED = 'the copies of this node are being filled'

/**
 * Why the peer may not be told which keys this node holds; undefined if it may. The directory may be an old one: keys
 * may be missing, and deleted keys may still be here.
 */
export function refusalToTellKeys(trust: CopyTrust, peer: string): Refusal | undefined {
  if (!trust.mayTell(peer)) return { code: 'not_ready', message: TOO_FEW_HAVE_TOLD }
  return trust.isFilling ? { code: 'not_ready', message: BEING_FILLED } : undefined
}
