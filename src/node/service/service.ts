/**
 * Everything that one node does for its clients, as types only: node.ts implements them. The HTTP layer translates
 * between this interface and HTTP, and knows nothing else of the node. The simulator's clients call it directly. Requests
 * and answers name a bucket by its label. Failures are `QuorateError`s.
 */
import type { AccessToken } from '../../core/access/access-token.ts'
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
import type { BackupRequest, BackupStream } from './backup.ts'
import type { Unsettled } from './unsettled.ts'
import type { Watch, WatchRequest } from './watch.ts'
import type { PeerRefusal } from '../../ports/network.ts'
import type { SpanParent } from '../../ports/tracer.ts'

export interface NodeService {
  readonly nodeId: string
  get(request: ReadRequest): Promise<ReadAnswer>
  /**
   * Rejects with mode_mismatch for a value in a bucket of mode counter or set; a tombstone is allowed there. In a
   * bucket of mode strong it also rejects with precondition_failed, and with bad_parameter for a level other than
   * strong.
   */
  put(request: WriteRequest): Promise<WriteAnswer>
  /** Changes a counter or a set. Rejects as `put` does, and with mode_mismatch, bad_request or limit_reached. */
  update(request: UpdateRequest): Promise<WriteAnswer>
  /** One page of a bucket's live keys, merged over the owners of every data partition. */
  list(request: ListRequest): Promise<ListAnswer>
  /**
   * Tells which keys of a bucket change (node/watch/watches.ts). Errors: bucket_unknown, overloaded,
   * quorum_unreachable, watch_position_gone.
   */
  watch(request: WatchRequest): Promise<Watch>
  /** The node's clock, in which expiry times and timestamps are measured. */
  nowMs(): number
  /** The newest topology this node knows: members, buckets, epoch. */
  topology(): Topology
  /** The bucket with that label, as clients know it (core/placement/bucket-name.ts). */
  bucket(label: string): Bucket | undefined
  /**
   * Agrees on a bucket with a majority of the voters. `created` is false if the same bucket already exists. Errors:
   * bucket_conflict, limit_reached, quorum_unreachable, outcome_unknown.
   */
  createBucket(bucket: Bucket, timeoutMs: number): Promise<{ created: boolean; bucket: Bucket }>
  /**
   * Deletes the bucket with that label. If not forced, it has to be empty, and every member has to tell that. Resolves
   * with the deleted bucket. Errors: bucket_unknown, bucket_permanent, bucket_not_empty, change_under_way,
   * quorum_unreachable, outcome_unknown.
   */
  deleteBucket(label: string, isForced: boolean, timeoutMs: number): Promise<Bucket>
  /**
   * Adds an access token to the topology document. Errors: token_exists, limit_reached, quorum_unreachable,
   * outcome_unknown.
   */
  createToken(token: AccessToken, timeoutMs: number): Promise<void>
  /**
   * Revokes the token with that name. Resolves when every member in reach has heard of it. Errors: token_unknown,
   * change_under_way, quorum_unreachable, outcome_unknown.
   */
  revokeToken(name: string, timeoutMs: number): Promise<void>
  /**
   * For a node that has not started yet: sentences that name the peers that refuse its links, and why. '' if none does.
   */
  startTrouble(): string
  /**
   * Agrees on the random id of the cluster and on the key that seals sessions, if they are not decided yet. Proposes
   * the candidates, and resolves with the values in force, which may be those of another node. Errors: quorum_unreachable,
   * outcome_unknown.
   */
  found(candidates: Founding, timeoutMs: number): Promise<Founding>
  /**
   * Shows which copies a change of the members would move. Errors: change_refused, change_under_way,
   * quorum_unreachable.
   */
  planChange(request: ChangeRequest, timeoutMs: number): Promise<ChangePlan>
  /**
   * Decides to begin the change. Resolves then, not when the change is complete. Resolves at once if the same change is
   * under way or was made. Errors: change_refused, change_under_way, quorum_unreachable, outcome_unknown.
   */
  applyChange(request: ChangeRequest, timeoutMs: number): Promise<Topology>
  /** Undoes the change under way, as long as its copies are still being moved. Errors: as `applyChange`. */
  cancelChange(timeoutMs: number): Promise<Topology>
  /** The progress of the change under way. Each member that answers reports its own. */
  moves(): Promise<MovesStatus>
  status(): Promise<ClusterStatus>
  ring(bucket: string, key: string): Promise<RingView>
  /** Resolves once the hints that were pending at the call are delivered or dropped, or at the timeout. */
  syncHints(timeoutMs: number): Promise<HintSync>
  readiness(scope: ReadinessScope): Promise<Readiness>
  /** Compares the owners' hash trees: of one bucket, or of all buckets if undefined. Errors: bucket_unknown. */
  convergence(bucket: string | undefined): Promise<ConvergenceAnswer>
  /**
   * Resolves once the snapshots of the backup are taken (node/backup/README.md). Errors: quorum_unreachable,
   * deadline_passed, bucket_unknown.
   */
  backup(request: BackupRequest): Promise<BackupStream>
}

export interface MovesStatus {
  readonly epoch: number
  /** Null if no change is under way. */
  readonly change: ChangeStatus | null
  /** Lost members for which nobody waits, and which are removed after the change (core/placement/lost-members.ts). */
  readonly lost: readonly string[]
  readonly nodes: readonly NodeMove[]
}

/** The progress of the change, as the topology document states it. */
export interface ChangeStatus {
  readonly kind: ChangeKind
  readonly joining: string | null
  readonly leaving: string | null
  readonly phase: MemberChange['phase']
  readonly done: readonly string[]
  /** Members that have not finished their part of this phase. */
  readonly waitingFor: readonly string[]
}

/** The work of one member for the change, and how much of it is done. */
export interface NodeMove {
  readonly node: string
  /** `waiting`: for another member. `unreachable`: the member did not answer. */
  readonly state:
    | 'streaming'
    | 'comparing'
    | 'waiting'
    | 'releasing'
    | 'emptying'
    | 'done'
    | 'unreachable'
  /** Data partitions that the member takes over, and how many of them are complete. */
  readonly partitions: number
  readonly partitionsDone: number
  readonly keys: number
  readonly bytes: number
  /** Estimated from the pace so far; null before there is one. */
  readonly secondsLeft: number | null
  /** The member or step that this member waits for; '' if none. */
  readonly waitsFor: string
}

export interface ConvergenceAnswer {
  /** All members answered, all owners hold the same copies, and nothing is under way to an owner. */
  readonly converged: boolean
  /** Keys whose copies differ among the owners that answered. */
  readonly differing: number
  /** False if more keys differ than were counted. */
  readonly isExact: boolean
  /** Members that did not answer, or could not give an answer. */
  readonly unreachable: readonly string[]
  /** What all members together still have under way to owners. */
  readonly underWay: Unsettled
}

export interface RequestOptions {
  readonly bucket: string
  readonly key: string
  /** The bucket's default level if undefined. */
  readonly level?: Level | undefined
  readonly r?: number | undefined
  readonly w?: number | undefined
  readonly sloppy?: boolean | undefined
  /** The node's QUORATE_REQUEST_TIMEOUT_MS if undefined. */
  readonly timeoutMs?: number | undefined
  readonly requestId: string
  /**
   * What the client's session has seen (sessions.ts). At level `causal`, undefined means an empty session. The answer
   * then carries what the session has seen after the request.
   */
  readonly session?: Session | undefined
  /** The span of the request, if it is traced. */
  readonly span?: SpanParent | undefined
}

export type ReadRequest = RequestOptions

/** Fields that make a request on a strong key or a counter safe to repeat. */
export interface Repeatable {
  /** If a request with this key was applied before, its answer is returned, and nothing is applied again. */
  readonly idempotencyKey?: string | undefined
  /** Identifies the request's content. A repeat under the same key must have the same; undefined matches any. */
  readonly fingerprint?: string | undefined
}

export interface WriteRequest extends RequestOptions, Repeatable {
  readonly content: Content
  /** What the client has seen of the key; undefined for a blind write. */
  readonly context?: VersionVector | undefined
  /** What the session has seen of the key. A blind write replaces that, too. */
  readonly past?: VersionVector | undefined
  /** For a strong key: the condition that the current value must meet. */
  readonly condition?: Condition | undefined
}

export interface UpdateRequest extends RequestOptions, Repeatable {
  readonly change: TypeChange
  /** Updates merge: they build on the owner's value, not on what the client has seen. */
  readonly context?: undefined
  /** What the session has seen of the key. */
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
      /** 1 to 1024 bytes of UTF-8 each. No element may be in both lists. */
      readonly add: readonly string[]
      readonly remove: readonly string[]
    }

interface Answer {
  readonly level: Level
  readonly coordinator: string
  readonly quorum: { readonly need: number; readonly got: number; readonly hinted: number }
  /** The client passes it back with its next write of this key. */
  readonly context: VersionVector
  /** The answer of each node so far, in the order in which the nodes were asked. */
  readonly replicas: readonly ReplicaReport[]
  /** For a request in a session: what the session has seen by now. */
  readonly session?: Session | undefined
}

export interface ReadAnswer extends Answer {
  /** The live siblings, oldest first; empty if the key is absent. */
  readonly siblings: readonly Sibling[]
  /** The key is absent, but a tombstone or an expired value of it is still known. */
  readonly deleted: boolean
  /** Everything that was found, tombstones and expired values included. */
  readonly object: StoredObject
}

export interface WriteAnswer extends Answer {
  /** False at `weak`: accepted in memory, nothing stored yet. */
  readonly durable: boolean
  /** The live siblings of the key after the write, at the node that applied it. Empty after a delete, or at `weak`. */
  readonly siblings: readonly Dot[]
  /** Whether the coordinator knew a live value before the write. */
  readonly existed: boolean
  /** The vector of the object that the write made. Undefined at `weak`. */
  readonly seen: VersionVector | undefined
}

export interface ListRequest {
  readonly bucket: string
  readonly prefix: string
  /** Only keys after this one are listed; '' for the first page. */
  readonly after: string
  readonly limit: number
  /** Only keys with more than one sibling. */
  readonly conflicted?: boolean
  readonly timeoutMs?: number | undefined
  /** The span of the request, if it is traced. */
  readonly span?: SpanParent | undefined
}

export interface ListAnswer {
  /** In the order of their UTF-8 bytes. */
  readonly keys: readonly ListedKey[]
  /** Pass it as `after` for the next page; undefined at the end. A page without keys has it only at the deadline. */
  readonly next: string | undefined
  /** Data partitions that lack a majority of their owners in reach: some of their keys may be missing from the page. */
  readonly missingPartitions: readonly number[]
}

export interface ListedKey {
  readonly key: string
  /** Total size of all live values, in bytes. */
  readonly size: number
  readonly siblings: number
  /** The live siblings' dots, for the ETag. */
  readonly dots: readonly { readonly actor: string; readonly timestamp: number }[]
}

/** The values on which a cluster agrees once. */
export interface Founding {
  /** 128 random bits, in hex. */
  readonly identity: string
  readonly sessionKey: string
}

export interface ClusterStatus {
  /** The random id that the cluster has agreed on. Before that, an id derived from the first members. */
  readonly clusterId: string
  readonly node: string
  readonly epoch: number
  readonly members: readonly MemberStatus[]
  /** The members that decide the next topology. */
  readonly voters: readonly string[]
  /** The change of the members that is under way, or null. */
  readonly moves: ChangeStatus | null
  /** Lost members that are removed after it, or once enough members are left. */
  readonly lost: readonly string[]
  /** For each member: its view of every other one. Null if it did not answer. */
  readonly reachability: Readonly<
    Record<string, Readonly<Record<string, 'up' | 'suspect' | 'down'>> | null>
  >
  /**
   * Data partitions (of the bucket with the most replicas) without a majority of their owners in this node's reach.
   * During a move, also those without a majority of the next owners.
   */
  readonly partitionsWithoutQuorum: readonly number[]
  /** How many more members may fail, whichever they are, while every data partition keeps a majority in reach. */
  readonly failureTolerance: number
  readonly partitions: number
  /** Hints that this node keeps, by the owner they are for. */
  readonly hints: Readonly<
    Record<string, { readonly pending: number; readonly bytes: number; readonly dropped: number }>
  >
  readonly storage: {
    readonly state: 'ok' | 'full' | 'failed' | 'stalled'
    readonly reason: string
  }
  /** Links that this node or a peer has refused lately. */
  readonly refusals: readonly PeerRefusal[]
  /** One sentence that tells an operator what to do. */
  readonly verdict: string
}

export interface MemberStatus {
  readonly id: string
  readonly peerUrl: string
  readonly zone: string
  /** In this node's view. */
  readonly state: 'up' | 'suspect' | 'down'
  /** The member's clock minus this node's when last heard, in ms; null before the first contact, 0 for this node. */
  readonly clockOffsetMs: number | null
  readonly lastHeardMsAgo: number | null
  readonly epoch: number | null
  /** Data partitions that it owns, in the bucket with the most replicas. */
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
  /** The copy that the node holds; null if it did not answer. For a fallback: its hint, if it has one. */
  readonly holds: {
    readonly siblings: number
    readonly tombstones: number
    readonly dots: readonly { node: string; actor: string; timestamp: number }[]
  } | null
}

export interface HintSync {
  /** Whether no hint that was pending at the call remains; `remaining` counts those left for each owner. */
  readonly synced: boolean
  readonly remaining: Readonly<Record<string, number>>
}

/** `node`: only what this node itself decides. `cluster`: also whether requests would find a quorum now. */
export type ReadinessScope = 'node' | 'cluster'

export interface Readiness {
  readonly ready: boolean
  readonly checks: readonly {
    readonly name: string
    readonly ok: boolean
    readonly detail: string
  }[]
}
