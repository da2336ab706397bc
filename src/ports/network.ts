/**
 * Frames between the nodes of one cluster, addressed by node id. Best effort: a frame arrives whole and
 * unchanged, or not at all, silently. Connections keep the order of a channel's frames and double none; but
 * nothing may rest on that: the simulator doubles and reorders frames.
 *
 * Each ordered pair of nodes has a link, which the first node of the pair opens and keeps trying to open.
 * *Asks* of A to B travel on the link A→B; B's *answers* to them travel back on the same link.
 */
export interface Network {
  /**
   * Queues a frame. False: it was certainly not sent and never will be (no link, or its queue is at its
   * bound); true says nothing about arrival. The caller does not change `frame` afterwards.
   */
  send(to: string, channel: Channel, frame: Uint8Array): boolean

  /**
   * The version of the protocol that the link speaks on which frames of the channel go to `to`; undefined where there is
   * none. One link speaks one version as long as it is open; both links of a pair may differ while a node restarts.
   */
  versionOf(to: string, channel: Channel): number | undefined

  /** Whether the link this node opens to `to` is open as far as this node can know (a cut may be unnoticed). */
  isOpen(to: string): boolean

  /** Whether there is a link between both, whichever of them has opened it. */
  isLinked(peer: string): boolean

  /** Set once, before `start`. `frame` belongs to the receiver. A throw means garbage: the link is closed. */
  onFrame(listener: (from: string, channel: Channel, frame: Uint8Array) => void): void

  /** Called when this node's own link to `peer` opens or closes. On close all unanswered asks are lost. */
  onLink(listener: (peer: string, open: boolean) => void): void

  /** Set once, before `start`: who may have a link. Without one, whoever is a peer. */
  setDoorkeeper(doorkeeper: Doorkeeper): void

  /** Called at each attempt of a link that this node, or the peer, refuses. */
  onRefusal(listener: (refusal: PeerRefusal) => void): void

  /**
   * The peers to keep links to, and the oldest version of the protocol that they may speak, the oldest of all if not given; may be called
   * again with others. Links to who is no peer any more, or speaks an older version, are closed.
   */
  setPeers(peers: readonly PeerAddress[], oldestVersion?: number): void

  /**
   * What a node that is no peer is shown when it dials: the newest document that names the members, and its epoch. May
   * be called again with a newer one.
   */
  showMembership(epoch: number, document: string): void

  /**
   * Set once, before `start`. Called when a peer refuses the link of this node because this node is no member, and
   * shows a document that is newer than the one that this node shows. Called again at later attempts to dial.
   */
  onExcluded(listener: (peer: string, document: string) => void): void

  /** Begins to listen and to dial. Resolves once listening (an address that is not there yet is waited for). */
  start(): Promise<void>
  /** Closes all links. Idempotent. */
  close(): Promise<void>
}

export type Channel = 'ask' | 'answer'

/** Why there is no link: as one node tells the other in the handshake, and as metrics and status name it. */
export const REFUSAL_REASONS = [
  'protocol', // not this kind of port
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
  /** For a person. */
  readonly message: string
  /** Of the topology of the node that refused; undefined where it told none. */
  readonly epoch?: number
}

export interface PeerRefusal extends Refusal {
  readonly peer: string
  /** Who refused: this node, or the peer. */
  readonly by: 'self' | 'peer'
}

/** What a node says of itself in a handshake. Nodes of older versions say less. */
export interface Credentials {
  /** Follows from the first members of its cluster; '' where it is not said. */
  readonly founding: string
  /** The random id of its cluster. */
  readonly clusterId?: string | undefined
  /** A number of its process alone. */
  readonly life?: number | undefined
  /** Of its topology. */
  readonly epoch?: number | undefined
}

/** Judges the other end of each link, at both ends, before a frame goes over it. */
export interface Doorkeeper {
  introduce(): Credentials
  /** Undefined: welcome. `isDialled`: this node has dialled it. Changes nothing. */
  judge(peer: string, theirs: Credentials, isDialled: boolean): Refusal | undefined
  /** A welcome peer is about to get its link, which waits until this resolves, and is judged once more. */
  welcome(peer: string, theirs: Credentials, isDialled: boolean): Promise<void>
}

/** The versions of the protocol between nodes that one of them speaks: all from the oldest to the newest. */
export interface VersionRange {
  readonly oldest: number
  readonly newest: number
}

export interface PeerAddress {
  readonly id: string
  /** `http://host:port` of its peer port. */
  readonly url: string
}
