/**
 * Composes this node's part in the cluster: the topology in force, the other members and whether they are in reach, the
 * votes on the next topology, and what peers know of this node's earlier lives.
 */
import { AnswerGate } from './round/answer-gate.ts'
import { Arrival } from './repair/arrival.ts'
import { Deadlines } from './peers/deadlines.ts'
import { loadVersions } from './identity/known-versions.ts'
import { isLostMember } from '../core/placement/lost-members.ts'
import { Liveness } from './peers/liveness.ts'
import type { MemberVersions } from '../core/membership/member-versions.ts'
import type { NodeSettings } from './node-settings.ts'
import type { NodeStorage } from './storage-composition.ts'
import { type PeerReach, peerReach } from './peers/peer-reach.ts'
import { Peers } from './peers/peers.ts'
import { TopologyAcceptor } from './topology/topology-acceptor.ts'
import { TopologyKeeper } from './topology/topology-keeper.ts'
import { TopologyRegister } from './topology/topology-register.ts'

export interface NodeCluster {
  readonly keeper: TopologyKeeper
  /** The ids of the members. */
  readonly members: () => string[]
  readonly peers: Peers
  readonly deadlines: Deadlines
  readonly versions: MemberVersions
  readonly liveness: Liveness
  readonly reach: PeerReach
  /** The way of answers to clients. */
  readonly gate: AnswerGate
  /** Whether a majority of the members has told what it knows of this node's earlier lives. */
  readonly isProven: () => boolean
  readonly voter: TopologyAcceptor
  readonly register: TopologyRegister
  readonly arrival: Arrival
}

export function composeCluster(storage: NodeStorage, settings: NodeSettings): NodeCluster {
  const { ports, state, clock, proof, identity } = storage
  const self = settings.nodeId
  const keeper = new TopologyKeeper(ports, { self, state, members: settings.members, clock })
  const members = (): string[] => keeper.topology.members.map(({ id }) => id)
  const isProven = (): boolean => proof.isProven(keeper.topology.members.length)
  const deadlines = new Deadlines(ports.clock, ports.timers)
  const peers = new Peers(ports, { clock, epochs: keeper, life: identity.life })
  const versions = loadVersions(state, self)
  peers.versionHeard.listen((member, version, stamp) => versions.note({ member, version, stamp }))
  const liveness = new Liveness(ports, {
    self,
    members: members(),
    incarnation: Math.floor(ports.clock.wallMs()),
    peers,
  })
  const reach = peerReach(liveness, clock)
  const gate = new AnswerGate()
  const joined = (member: string): void => proof.joined(member)
  const voter = new TopologyAcceptor(ports, {
    self,
    keeper,
    state,
    peers,
    clock,
    isProven,
    joined,
  })
  const register = new TopologyRegister(ports, { self, acceptor: voter, keeper, peers, clock })
  const arrival = new Arrival(ports, {
    self,
    members,
    isMember: () => keeper.isMember(self),
    isLost: (node) => isLostMember(keeper.topology, node),
    peers,
    clock,
    proof,
    lose: (heardUntil) => voter.lose(heardUntil),
  })
  return {
    keeper,
    members,
    peers,
    deadlines,
    versions,
    liveness,
    reach,
    gate,
    isProven,
    voter,
    register,
    arrival,
  }
}
