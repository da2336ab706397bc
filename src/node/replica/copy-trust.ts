/**
 * Tells how far this node's copies can be trusted at the moment. After a start the directory may be an old one, and
 * each peer is asked what it has heard of this node's earlier lives. arrival.ts asks, and decides all of this.
 */

export interface CopyTrust {
  /** Whether this node's copies are being refilled. */
  readonly isFilling: boolean
  /** Calls back once the peer has told what it has heard of earlier lives, or after a second in any case. */
  whenTold(peer: string, done: () => void): void
  /** Whether a peer may be shown this node's copies. Not before it has told: it may know that they are old. */
  mayTell(peer: string): boolean
  /** Whether the sender of a copy may count this node among the nodes that store it. */
  mayCount(ownersOf: () => readonly (readonly string[])[]): boolean
  /** Whether this node's copies are complete enough to be read. */
  mayRead(sourcesOf: () => readonly string[]): boolean
}
