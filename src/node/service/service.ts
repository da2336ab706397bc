/**
 * What one node does for its clients. The HTTP layer translates to and from this and knows nothing else of
 * the node; the simulator's clients call it directly. Failures are `QuorateError`s.
 */
import type { Dot } from '../../core/causality/dot.ts'
import type { Session } from '../../core/causality/session.ts'
import type { VersionVector } from '../../core/causality/version-vector.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { Content, Sibling } from '../../core/causality/sibling.ts'
import type { Condition } from '../../core/consensus/register.ts'
import type { ReplicaReport } from '../../core/errors.ts'
import type { ChangePlan } from '../../core/placement/change-plan.ts'
import type { ChangeKind, MemberChange } from '../../core/placement/member-change.ts'
import type { ChangeRequest } from '../../core/placement/change-target.ts'
import type { Bucket, Topology } from '../../core/placement/topology.ts'
import type { Level } from '../../core/quorum/level.ts'
import type { Unsettled } from './unsettled.ts'
import type { PeerRefusal } from '../../ports/network.ts'

export interface NodeService {
  readonly nodeId: string
  get(request: ReadRequest): Promise<ReadAnswer>
  /**
   * Rejects with mode_mismatch for a value in a bucket of mode counter or set; a tombstone is taken. In a bucket of
   * mode strong also with precondition_failed, and with bad_parameter for a level other than strong.
   */
  put(request: WriteRequest): Promise<WriteAnswer>
  /** Changes a counter or a set. Errors, beside those of `put`: mode_mismatch, bad_request, limit_reached. */
  update(request: UpdateRequest): Promise<WriteAnswer>
  /** One page of a bucket's live keys, merged over the owners of every data partition. */
  list(request: ListRequest): Promise<ListAnswer>
  /** The time that expiry and timestamps are counted in: the clients' requests are read in it. */
  nowMs(): number
  /** The newest topology this node knows: members, buckets, epoch. */
  topology(): Topology
  bucket(name: string): Bucket | undefined
  /**
   * Agrees on a bucket with a majority of the members. `created: false` where the same bucket exists.
   * Errors: bucket_conflict, limit_reached, quorum_unreachable, outcome_unknown.
   */
  createBucket(bucket: Bucket, timeoutMs: number): Promise<{ created: boolean; bucket: Bucket }>
  /** Who refuses it a link, and why, in sentences; '' where nobody does. For a node that has not started yet. */
  startTrouble(): string
  /**
   * Agrees on the random id of the cluster and on the key that seals sessions, where there are none: on the candidates,
   * unless others were first. Resolves with those that are in force. Errors: quorum_unreachable, outcome_unknown.
   */
  found(candidates: Founding, timeoutMs: number): Promise<Founding>
  /** What a change of the members would move. Errors: change_refused, change_under_way. */
  planChange(request: ChangeRequest): ChangePlan
  /**
   * Decides that the change begins; resolves then, not when it is over. Asked again of a change that is under way, or
   * was made, it resolves at once. Errors: change_refused, change_under_way, quorum_unreachable, outcome_unknown.
   */
  applyChange(request: ChangeRequest, timeoutMs: number): Promise<Topology>
  /** Undoes the change that is under way, while its copies are still being moved. Errors: as `applyChange`. */
  cancelChange(timeoutMs: number): Promise<Topology>
  /** How far the change under way has come, as each member that answers tells of itself. */
  moves(): Promise<MovesStatus>
  status(): Promise<ClusterStatus>
  ring(bucket: string, key: string): Promise<RingView>
  /** Resolves once the hints pending at the time of the call are delivered or dropped, or time is out. */
  syncHints(timeoutMs: number): Promise<HintSync>
  readiness(): Promise<Readiness>
  /** Compares the owners' hash trees; of one bucket's keys where one is named. Errors: bucket_unknown. */
  convergence(bucket: string | undefined): Promise<ConvergenceAnswer>
}

export interface MovesStatus {
  readonly epoch: number
  /** Null where no change is under way. */
  readonly change: ChangeStatus | null
  readonly nodes: readonly NodeMove[]
}

/** How far the change has come, as its document says. */
export interface ChangeStatus {
  readonly kind: ChangeKind
  readonly joining: string | null
  readonly leaving: string | null
  readonly phase: MemberChange['phase']
  readonly done: readonly string[]
  /** Members whose part of the phase is still to come. */
  readonly waitingFor: readonly string[]
}

/** What one member has to do for the change, and has done. */
export interface NodeMove {
  readonly node: string
  /** `waiting`: for another member. `unreachable`: it does not tell. */
  readonly state:
    'streaming' | 'comparing' | 'waiting' | 'releasing' | 'emptying' | 'done' | 'unreachable'
  /** Data partitions to be taken over, and those that have been. */
  readonly partitions: number
  readonly partitionsDone: number
  readonly keys: number
  readonly bytes: number
  /** Guessed from the pace so far; null before there is one. */
  readonly secondsLeft: number | null
  /** Whom or what it waits for; '' where nothing. */
  readonly waitsFor: string
}

export interface ConvergenceAnswer {
  /** All members answered, all owners hold the same, and nothing is on its way to an owner. */
  readonly converged: boolean
  /** Keys of which not all owners that answered hold the same. */
  readonly differing: number
  /** False: there are more than were counted. */
  readonly isExact: boolean
  /** Members that did not answer, or could not tell. */
  readonly unreachable: readonly string[]
  /** What all members together still have on its way to owners. */
  readonly underWay: Unsettled
}

export interface RequestOptions {
  readonly bucket: string
  readonly key: string
  /** The bucket's own level where undefined. */
  readonly level?: Level | undefined
  readonly r?: number | undefined
  readonly w?: number | undefined
  readonly sloppy?: boolean | undefined
  /** The node's QUORATE_REQUEST_TIMEOUT_MS where undefined. */
  readonly timeoutMs?: number | undefined
  readonly requestId: string
  /**
   * What the client's session has seen (sessions.ts); at `causal` an empty one where undefined. The answer then has
   * what it has seen after the request.
   */
  readonly session?: Session | undefined
}

export type ReadRequest = RequestOptions

/** Of a request on a strong key or a counter. */
export interface Repeatable {
  /** A request under the key of one that was made is answered like that one, and not made again. */
  readonly idempotencyKey?: string | undefined
  /** What makes it another request: under the same key it must be the same. Undefined matches any. */
  readonly fingerprint?: string | undefined
}

export interface WriteRequest extends RequestOptions, Repeatable {
  readonly content: Content
  /** What the client had seen of the key; undefined for a blind write. */
  readonly context?: VersionVector | undefined
  /** What the session had seen of the key: a blind write replaces that, too. */
  readonly past?: VersionVector | undefined
  /** Of a strong key: what has to hold of the value that the write meets. */
  readonly condition?: Condition | undefined
}

export interface UpdateRequest extends RequestOptions, Repeatable {
  readonly change: TypeChange
  /** Updates merge: they replace by what is held, not by what their client has seen. */
  readonly context?: undefined
  /** What the session had seen of the key. */
  readonly past?: VersionVector | undefined
}

export type TypeChange =
  | {
      readonly type: 'counter'
      /** A safe integer of either sign. */
      readonly increment: number
    }
  | {
      readonly type: 'set'
      /** 1 to 1024 bytes of UTF-8 each, none of them in both. */
      readonly add: readonly string[]
      readonly remove: readonly string[]
    }

interface Answer {
  readonly level: Level
  readonly coordinator: string
  readonly quorum: { readonly need: number; readonly got: number; readonly hinted: number }
  /** To be given back with the next write of this key. */
  readonly context: VersionVector
  /** What each node answered so far, in the order in which they were asked. */
  readonly replicas: readonly ReplicaReport[]
  /** Of a request in a session: what it has seen by now. */
  readonly session?: Session | undefined
}

export interface ReadAnswer extends Answer {
  /** Live ones only, oldest first; empty where the key is absent. */
  readonly siblings: readonly Sibling[]
  /** The key is absent, but something of it (a tombstone, an expired value) is still known. */
  readonly deleted: boolean
  /** All that was found, deletes and expired values included. */
  readonly object: StoredObject
}

export interface WriteAnswer extends Answer {
  /** False at `weak`: accepted in memory, nothing stored yet. */
  readonly durable: boolean
  /** The live siblings of the key after the write, where it was applied; none after a delete, or at `weak`. */
  readonly siblings: readonly Dot[]
  /** Whether the coordinator knew a live value before the write. */
  readonly existed: boolean
  /** What whoever knows of the write has seen of the key: all of the object that it made. Undefined at `weak`. */
  readonly seen: VersionVector | undefined
}

export interface ListRequest {
  readonly bucket: string
  readonly prefix: string
  /** Keys above this one only; '' for the first page. */
  readonly after: string
  readonly limit: number
  /** Only keys with more than one sibling. */
  readonly conflicted?: boolean
  readonly timeoutMs?: number | undefined
}

export interface ListAnswer {
  /** In the order of their UTF-8 bytes. */
  readonly keys: readonly ListedKey[]
  /** Give as `after` for the next page; undefined at the end. A page without keys has it only at the deadline. */
  readonly next: string | undefined
  /** Data partitions of which a cut hides a majority of the owners: some of their keys may be missing. */
  readonly missingPartitions: readonly number[]
}

export interface ListedKey {
  readonly key: string
  /** Of all live values together, in bytes. */
  readonly size: number
  readonly siblings: number
  /** The live siblings' dots, for the ETag. */
  readonly dots: readonly { readonly actor: string; readonly timestamp: number }[]
}

/** What a cluster agrees on once. */
export interface Founding {
  /** 128 random bits, in hex. */
  readonly identity: string
  readonly sessionKey: string
}

export interface ClusterStatus {
  /** The random id that the cluster has agreed on; before that, one that follows from the first members. */
  readonly clusterId: string
  readonly node: string
  readonly epoch: number
  readonly members: readonly MemberStatus[]
  /** The members that decide the next topology. */
  readonly voters: readonly string[]
  /** The change of the members that is under way, or null. */
  readonly moves: ChangeStatus | null
  /** For each node that answered, what it says of each other one. */
  readonly reachability: Readonly<
    Record<string, Readonly<Record<string, 'up' | 'suspect' | 'down'>> | null>
  >
  /**
   * Data partitions (of the widest bucket) without a majority of owners in this node's reach; while they move, without
   * one of those that own them or of those that will.
   */
  readonly partitionsWithoutQuorum: readonly number[]
  readonly partitions: number
  /** Hints that this node keeps, by the owner they are for. */
  readonly hints: Readonly<
    Record<string, { readonly pending: number; readonly bytes: number; readonly dropped: number }>
  >
  readonly storage: {
    readonly state: 'ok' | 'full' | 'failed' | 'stalled'
    readonly reason: string
  }
  /** Links refused lately, by this node or by a peer. */
  readonly refusals: readonly PeerRefusal[]
  /** One sentence a person can act on. */
  readonly verdict: string
}

export interface MemberStatus {
  readonly id: string
  readonly peerUrl: string
  readonly zone: string
  /** In this node's view. */
  readonly state: 'up' | 'suspect' | 'down'
  /** Its clock minus ours when last heard, in ms; null before the first contact, 0 for this node. */
  readonly clockOffsetMs: number | null
  readonly lastHeardMsAgo: number | null
  readonly epoch: number | null
  /** Data partitions that it owns, of the widest bucket. */
  readonly partitionsOwned: number
}

export interface RingView {
  readonly bucket: string
  readonly key: string
  readonly partition: number
  readonly preference: readonly RingEntry[]
}

export interface RingEntry {
  readonly node: string
  readonly role: 'owner' | 'fallback'
  readonly state: 'up' | 'suspect' | 'down'
  /** What it holds: null where it did not answer. For a fallback: a hint, if it has one. */
  readonly holds: {
    readonly siblings: number
    readonly tombstones: number
    readonly dots: readonly { node: string; actor: string; timestamp: number }[]
  } | null
}

export interface HintSync {
  /** Hints of this node that were pending when the call came, by owner, and what is left of them now. */
  readonly synced: boolean
  readonly remaining: Readonly<Record<string, number>>
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: readonly {
    readonly name: string
    readonly ok: boolean
    readonly detail: string
  }[]
}
