/** What the paths below `/v1/cluster` answer, as far as commands use it, and the requests for it. */
import { emptyAnswer, parseJson } from '../../client/request/answer.ts'
import type { Sender } from '../../client/request/sender.ts'
import { RequestError } from '../../client/quorate.ts'

export type PeerState = 'up' | 'suspect' | 'down'

/** `GET /v1/cluster`: the view of one node. */
export interface ClusterAnswer {
  readonly clusterId: string
  /** The node that answers. */
  readonly node: string
  readonly epoch: number
  readonly members: readonly Member[]
  readonly voters: readonly string[]
  readonly moves: Change | null
  /** Absent in answers of earlier versions. */
  readonly lost?: readonly string[]
  /** For each member, its own view of the others; null if it did not answer. */
  readonly reachability: Reachability
  readonly partitionsWithoutQuorum: readonly number[]
  readonly partitions: number
  /** Hints that this node keeps, by the owner they are for. */
  readonly hints: Readonly<Record<string, { readonly pending: number; readonly bytes: number }>>
  readonly storage: { readonly state: string; readonly reason: string }
  readonly verdict: string
}

export type Reachability = Readonly<Record<string, Readonly<Record<string, PeerState>> | null>>

export interface Member {
  readonly id: string
  readonly peerUrl: string
  readonly zone: string
  readonly state: PeerState
  readonly clockOffsetMs: number | null
  readonly lastHeardMsAgo: number | null
  readonly epoch: number | null
  readonly partitionsOwned: number
}

/** A change of the members that is under way. */
export interface Change {
  readonly kind: 'join' | 'leave' | 'replace' | 'remove'
  readonly joining: string | null
  readonly leaving: string | null
  readonly phase: string
  readonly done: readonly string[]
  readonly waitingFor: readonly string[]
}

/** `GET /v1/cluster/ring`. */
export interface RingAnswer {
  readonly bucket: string
  readonly key: string
  readonly partition: number
  readonly preference: readonly RingEntry[]
}

export interface RingEntry {
  readonly node: string
  readonly role: 'owner' | 'fallback'
  readonly state: PeerState
  /** Null if the node did not answer. */
  readonly holds: {
    readonly siblings: number
    readonly tombstones: number
    readonly dots: readonly {
      readonly node: string
      readonly actor: string
      readonly timestamp: number
    }[]
  } | null
}

/** One endpoint, and the view of the node behind it, or why there is none. */
export type Asked =
  | { readonly endpoint: string; readonly answer: ClusterAnswer }
  | { readonly endpoint: string; readonly error: RequestError }

/** Rejects with a RequestError, also if the answer lacks the member `has`: then it is not one of a node. */
export async function getJson(
  sender: Sender,
  {
    path,
    query = {},
    has,
  }: { path: string; query?: Readonly<Record<string, string>>; has: string },
  signal: AbortSignal,
): Promise<unknown> {
  const { body } = await sender.send(
    {
      method: 'GET',
      path,
      query,
      headers: {},
      takesTimeout: false,
      statuses: [200],
      failureIn: (answer) =>
        hasMember(parseJson(answer.body), has)
          ? undefined
          : emptyAnswer('outcome_unknown', 'the answer is not one of a node', answer.status),
    },
    sender.budget({ signal }),
  )
  return parseJson(body)
}

export async function getCluster(sender: Sender, signal: AbortSignal): Promise<ClusterAnswer> {
  return (await getJson(sender, { path: '/v1/cluster', has: 'members' }, signal)) as ClusterAnswer
}

function hasMember(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
}

/** Asks every endpoint at once. */
export function askEach(
  senders: readonly { readonly endpoint: string; readonly sender: Sender }[],
  signal: AbortSignal,
): Promise<readonly Asked[]> {
  return Promise.all(
    senders.map(async ({ endpoint, sender }): Promise<Asked> => {
      try {
        return { endpoint, answer: await getCluster(sender, signal) }
      } catch (error) {
        if (error instanceof RequestError) return { endpoint, error }
        throw error
      }
    }),
  )
}
