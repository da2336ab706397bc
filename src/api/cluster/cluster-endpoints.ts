/** Describes the paths that show the state of the cluster, for the table of endpoints. */
import { ADMIN } from '../access/access-rule.ts'
import type {
  ClusterStatus,
  ConvergenceAnswer,
  HintSync,
  MemberStatus,
  RingEntry,
  RingView,
} from '../../node/service/service.ts'
import type { Unsettled } from '../../node/service/unsettled.ts'
import { type PeerRefusal, REFUSAL_REASONS } from '../../ports/network.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { BUCKET_NAME_SCHEMA, checkBucketName, checkKeyText, KEY_SCHEMA } from '../http/kv-path.ts'
import { checkedText, type Parameter } from '../http/parameter.ts'
import { timeoutParameter } from '../http/request-deadline.ts'
import {
  about,
  BOOLEAN,
  choiceOf,
  COUNT,
  listOf,
  mapOf,
  NUMBER,
  objectOf,
  orNull,
  TEXT,
} from '../http/schema.ts'
import { CHANGE_STATUS, LOST } from './change-endpoints.ts'

export const SYNC_TIMEOUT_MS = 30_000

const PEER_STATE = choiceOf(['up', 'suspect', 'down'] satisfies MemberStatus['state'][])

const MEMBER = objectOf<MemberStatus>('MemberStatus', {
  id: TEXT,
  peerUrl: TEXT,
  zone: TEXT,
  state: about(PEER_STATE, 'In this node’s view.'),
  clockOffsetMs: about(
    orNull(NUMBER),
    'The member’s clock minus this node’s, when last heard; null before the first contact.',
  ),
  lastHeardMsAgo: orNull(NUMBER),
  epoch: orNull(COUNT),
  partitionsOwned: about(
    COUNT,
    'Data partitions that it owns, in the bucket with the most copies.',
  ),
})

export interface ShownStatus extends ClusterStatus {
  readonly openToStrangers: boolean
}

const STATUS = objectOf<ShownStatus>('ClusterStatus', {
  verdict: about(TEXT, 'One sentence that tells an operator what to do.'),
  clusterId: TEXT,
  node: TEXT,
  epoch: COUNT,
  members: listOf(MEMBER),
  voters: about(listOf(TEXT), 'The members that decide changes of the topology.'),
  moves: about(orNull(CHANGE_STATUS), 'The change of the members that is under way.'),
  lost: LOST,
  reachability: about(
    mapOf(orNull(mapOf(PEER_STATE))),
    'For each member: its view of every other one. Null if it did not answer.',
  ),
  partitionsWithoutQuorum: about(
    listOf(COUNT),
    'Data partitions without a majority of their owners in this node’s reach.',
  ),
  failureTolerance: about(
    COUNT,
    'How many more members may fail, whichever they are, while every data partition keeps a majority of its owners in this node’s reach.',
  ),
  partitions: COUNT,
  hints: about(
    mapOf(
      objectOf<ClusterStatus['hints'][string]>('PendingHints', {
        pending: COUNT,
        bytes: COUNT,
        dropped: COUNT,
      }),
    ),
    'Writes that this node keeps for owners out of reach, by owner.',
  ),
  storage: objectOf<ClusterStatus['storage']>('StorageState', {
    state: choiceOf([
      'ok',
      'full',
      'failed',
      'stalled',
    ] satisfies ClusterStatus['storage']['state'][]),
    reason: TEXT,
  }),
  refusals: about(
    listOf(
      objectOf<PeerRefusal>(
        'PeerRefusal',
        {
          peer: TEXT,
          by: choiceOf(['self', 'peer']),
          reason: choiceOf(REFUSAL_REASONS),
          message: TEXT,
          epoch: COUNT,
        },
        ['epoch'],
      ),
    ),
    'Links that this node or a peer has refused lately.',
  ),
  openToStrangers: about(
    BOOLEAN,
    'Whether strangers get in at a port that listens beyond this machine: clients without a token, or nodes without ' +
      'TLS. The log names the port and says what to do.',
  ),
})

export const GET_CLUSTER: Endpoint = {
  method: 'GET',
  path: '/v1/cluster',
  id: 'getCluster',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Shows who reaches whom, storage, hints, voters, and a verdict in one sentence',
  query: [],
  answers: [
    {
      status: 200,
      meaning: 'The cluster as this node sees it.',
      content: { 'application/json': STATUS },
    },
  ],
  errors: ['bad_parameter', 'not_ready'],
  example: { target: '/v1/cluster' },
}

const bucketParameter = (meaning: string): Parameter<string> =>
  checkedText('bucket', BUCKET_NAME_SCHEMA, checkBucketName, meaning)

export const RING_BUCKET = {
  ...bucketParameter('The bucket of the key.'),
  isRequired: true,
} as const
export const RING_KEY = {
  ...checkedText('key', KEY_SCHEMA, checkKeyText, 'The key.'),
  isRequired: true,
} as const

type Held = NonNullable<RingEntry['holds']>

const RING = objectOf<RingView>('Ring', {
  bucket: TEXT,
  key: TEXT,
  partition: about(COUNT, 'The data partition of the key.'),
  preference: listOf(
    objectOf<RingEntry>('RingEntry', {
      node: TEXT,
      role: choiceOf(['owner', 'fallback']),
      state: PEER_STATE,
      holds: about(
        orNull(
          objectOf<Held>('HeldCopy', {
            siblings: COUNT,
            tombstones: COUNT,
            dots: listOf(
              objectOf<Held['dots'][number]>('Dot', {
                node: TEXT,
                actor: TEXT,
                timestamp: NUMBER,
              }),
            ),
          }),
        ),
        'The copy, or the hint, that the node holds; null if the node did not answer.',
      ),
    }),
  ),
})

export const GET_RING: Endpoint = {
  method: 'GET',
  path: '/v1/cluster/ring',
  id: 'getRing',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Shows which nodes own a key, and what each of them holds',
  query: [RING_BUCKET, RING_KEY],
  answers: [
    {
      status: 200,
      meaning: 'The owners and fallbacks, in order of preference.',
      content: { 'application/json': RING },
    },
  ],
  errors: ['bad_parameter', 'bad_bucket', 'bad_key', 'bucket_unknown', 'not_ready', 'not_a_member'],
  example: { target: '/v1/cluster/ring?bucket=default&key=hello' },
}

export const COMPARED_BUCKET = bucketParameter('Compare this bucket alone; by default all.')

const CONVERGENCE = objectOf<ConvergenceAnswer>('Convergence', {
  converged: about(
    BOOLEAN,
    'All members answered, all owners hold the same copies, and nothing is under way to an owner.',
  ),
  differing: about(COUNT, 'Keys whose copies differ among the owners that answered.'),
  isExact: about(BOOLEAN, 'False if more keys differ than were counted.'),
  unreachable: listOf(TEXT),
  underWay: objectOf<Unsettled>('UnderWay', { hints: COUNT, writes: COUNT, exchanges: COUNT }),
})

export const GET_CONVERGENCE: Endpoint = {
  method: 'GET',
  path: '/v1/cluster/convergence',
  id: 'getConvergence',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Compares the copies of all owners',
  query: [COMPARED_BUCKET],
  answers: [
    {
      status: 200,
      meaning: 'Whether all owners hold the same now.',
      content: { 'application/json': CONVERGENCE },
    },
  ],
  errors: ['bad_parameter', 'bad_bucket', 'bucket_unknown', 'not_ready', 'not_a_member'],
  example: { target: '/v1/cluster/convergence?bucket=default' },
}

export const SYNC_TIMEOUT = timeoutParameter(SYNC_TIMEOUT_MS)
const REMAINING = mapOf(COUNT)

export const SYNC_HINTS: Endpoint = {
  method: 'POST',
  path: '/v1/cluster/hints/sync',
  id: 'syncHints',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Waits until this node has delivered the hints that it keeps now',
  description:
    'If some remain at the deadline, the answer is 504 and its member `remaining` counts them by owner.',
  query: [SYNC_TIMEOUT],
  answers: [
    {
      status: 200,
      meaning: 'All are delivered.',
      content: {
        'application/json': objectOf<HintSync>('HintSync', {
          synced: BOOLEAN,
          remaining: REMAINING,
        }),
      },
    },
  ],
  errors: ['bad_parameter', 'not_ready', 'deadline_passed'],
  problemMembers: { remaining: REMAINING },
  example: { target: '/v1/cluster/hints/sync?timeout=5000' },
}
