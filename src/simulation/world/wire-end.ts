/** One process as the wires see it: which nodes it dials and accepts, and the events that it gets. */
import type { Channel, Credentials, PeerRefusal, Refusal } from '../../ports/network.ts'
import type { Host } from './host.ts'

export interface WireEnd {
  readonly host: Host
  /** The address of this process: the id of its node, except for a second process of the same id. */
  readonly address: string
  /** The versions of the protocol that its node speaks. */
  readonly newestVersion: number
  readonly oldestVersion: number
  readonly isRunning: boolean
  /** The topology that it shows to nodes that it refuses as non-members. */
  readonly shown: { readonly epoch: number; readonly document: string }
  introduce(): Credentials
  /** Why it refuses a link with that process; undefined if it accepts. */
  judge(other: WireEnd, isDialled: boolean): Refusal | undefined
  /** Resolves when it is ready to listen to that process. */
  welcome(other: WireEnd, isDialled: boolean): Promise<void>
  wants(peer: string): boolean
  isDialling(peer: string): boolean
  /** Returns a function to call at the end of the attempt. */
  startDialling(peer: string): () => void
  take(from: string, channel: Channel, frame: Uint8Array, close: () => void): void
  tellLink(peer: string, open: boolean): void
  tellRefusal(refusal: PeerRefusal): void
  /** Tells the node that a peer refuses it as a non-member, if the peer's topology is newer. */
  tellExcluded(refusing: WireEnd): void
}
