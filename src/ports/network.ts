/**
 * Frames between the nodes of one cluster, addressed by node id. Best effort: a frame arrives whole and unchanged, or
 * it is lost silently. Connections keep the order of a channel's frames and duplicate none. But no code may rely on
 * that, because the simulator duplicates and reorders frames.
 *
 * Each ordered pair of nodes has a link, which the first node of the pair opens and keeps trying to open. *Asks* from A
 * to B use the link A→B, and B's *answers* come back on the same link.
 */
export interface Network {
  /**
   * Queues a frame. False: it was not sent and never will be, because there is no link or its queue is full. True does
   * not mean that the frame arrives. The caller must not change `frame` afterwards.
   */
  send(to: string, channel: Channel, frame: Uint8Array): boolean

  /**
   * The protocol version of the link that carries the channel's frames to `to`; undefined without a link. A link keeps
   * one version while it is open. The two links of a pair may differ while a node restarts.
   */
  versionOf(to: string, channel: Channel): number | undefined

  /** Whether this node's link to `to` is open, as far as this node knows. A cut may not be noticed yet. */
  isOpen(to: string): boolean

  /** Whether there is a link between both nodes, opened by either of them. */
  isLinked(peer: string): boolean

  /**
   * Set once, before `start`. `frame` belongs to the receiver. If the listener throws, the frame is garbage, and the
   * link is closed.
   */
  onFrame(listener: (from: string, channel: Channel, frame: Uint8Array) => void): void

  /** Called when this node's own link to `peer` opens or closes. When it closes, all unanswered asks are lost. */
  onLink(listener: (peer: string, open: boolean) => void): void

  /** Set once, before `start`. The doorkeeper decides which nodes get a link; without one, every peer does. */
  setDoorkeeper(doorkeeper: Doorkeeper): void

  /** Called at each attempted link that this node or the peer refuses. */
  onRefusal(listener: (refusal: PeerRefusal) => void): void

  /**
   * Sets the peers to keep links to, and the oldest protocol version that they may speak (by default the oldest of
   * all). May be called again. Links to nodes that are no longer peers, or that speak an older version, are closed.
   */
  setPeers(peers: readonly PeerAddress[], oldestVersion?: number): void

  /**
   * Sets what a node that is not a peer is shown when it dials: the newest document that names the members, and its
   * epoch. May be called again with a newer document.
   */
  showMembership(epoch: number, document: string): void

  /**
   * Set once, before `start`. Called when a peer refuses this node's link because this node is not a member, and shows
   * a document newer than this node's. Called again at later attempts.
   */
  onExcluded(listener: (peer: string, document: string) => void): void

  /** Starts to listen and to dial. Resolves once it listens. Waits for an address that does not exist yet. */
  start(): Promise<void>
  /** Closes all links. Idempotent. */
  close(): Promise<void>
}

export type Channel = 'ask' | 'answer'

/** Why there is no link. Nodes tell each other the reason in the handshake; metrics and status show it. */
export const REFUSAL_REASONS = [
  'protocol', // not this kind of port
  'plaintext', // one of the nodes requires TLS, and the other has none
  'certificate', // the certificate is not of a node of this cluster, or names another node
  'version', // no version of the protocol in common
  'wrong_node', // another node is at this address
  'other_cluster',
  'no_cluster_yet', // the node that refuses has not dialled a member of its cluster yet
  'not_a_member',
  'identity_in_use', // another process of the same id has a link
  'superseded', // a newer process has taken the place of this one
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

export interface Refusal {
  readonly reason: RefusalReason
  /** A sentence for an operator. */
  readonly message: string
  /** The epoch of the node that refused; undefined if it did not tell. */
  readonly epoch?: number
}

export interface PeerRefusal extends Refusal {
  readonly peer: string
  /** The node that refused: this node, or the peer. */
  readonly by: 'self' | 'peer'
}

/** A node's statement about itself in a handshake. Nodes of older versions leave fields out. */
export interface Credentials {
  /** Derived from the first members of its cluster; '' if unknown. */
  readonly founding: string
  /** The random id of its cluster. */
  readonly clusterId?: string | undefined
  /** A number that identifies its process. */
  readonly life?: number | undefined
  /** The epoch of its topology. */
  readonly epoch?: number | undefined
}

/** Both ends of a link use it to judge the other end, before any frame is sent. */
export interface Doorkeeper {
  introduce(): Credentials
  /** Undefined if the peer is welcome. `isDialled`: this node opened the link. Changes no state. */
  judge(peer: string, theirs: Credentials, isDialled: boolean): Refusal | undefined
  /** A welcome peer is about to get its link. The link waits until this resolves, and the peer is judged once more. */
  welcome(peer: string, theirs: Credentials, isDialled: boolean): Promise<void>
}

/** The protocol versions that a node speaks: all versions from the oldest to the newest. */
export interface VersionRange {
  readonly oldest: number
  readonly newest: number
}

export interface PeerAddress {
  readonly id: string
  /** `http://host:port` of its peer port. */
  readonly url: string
}
