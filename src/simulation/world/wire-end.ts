/** One process as the wires between the nodes see it: whom it dials and lets in, and what it is told. */
import type { Channel, Credentials, PeerRefusal, Refusal } from '../../ports/network.ts'
import type { Host } from './host.ts'

export interface WireEnd {
  readonly host: Host
  /** Of this process: the id of its node, except for a second process of the same id. */
  readonly address: string
  /** Of the protocol, that its node speaks. */
  readonly newestVersion: number
  readonly oldestVersion: number
  readonly isRunning: boolean
  /** What it shows of the topology to those that it refuses as no members. */
  readonly shown: { readonly epoch: number; readonly document: string }
  introduce(): Credentials
  /** Why it wants no link with that process; undefined where it does. */
  judge(other: WireEnd, isDialled: boolean): Refusal | undefined
  /** Resolves once it listens to that process. */
  welcome(other: WireEnd, isDialled: boolean): Promise<void>
  wants(peer: string): boolean
  isDialling(peer: string): boolean
  /** To be called at the end of the attempt. */
  startDialling(peer: string): () => void
  take(from: string, channel: Channel, frame: Uint8Array, close: () => void): void
  tellLink(peer: string, open: boolean): void
  tellRefusal(refusal: PeerRefusal): void
  /** The peer refuses this node as no member, and shows what it knows if that is newer. */
  tellExcluded(refusing: WireEnd): void
}
