/** What may be told and counted of this node's copies at the moment. arrival.ts decides it. */

export interface CopyTrust {
  /** Whether this node's copies are being refilled. */
  readonly isFilling: boolean
  /** Calls back once the peer may be told, or after a second in any case. */
  whenTold(peer: string, done: () => void): void
  /** Whether a peer may be shown this node's copies. */
  mayTell(peer: string): boolean
  /** Whether a copy stored here may count. */
  mayCount(ownersOf: () => readonly (readonly string[])[]): boolean
  /** Whether this node's copies are complete enough to be read. */
  mayRead(ownersOf: () => readonly string[]): boolean
}
