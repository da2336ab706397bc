/** Describes the paths that change the members, for the table of endpoints. */
import { ADMIN } from '../access/access-rule.ts'
import type { ChangePlan, PlannedMove } from '../../core/placement/change-plan.ts'
import type { ChangeKind } from '../../core/placement/member-change.ts'
import type { ChangeStatus, MovesStatus, NodeMove } from '../../node/service/service.ts'
import { type Endpoint, TOPOLOGY_ERRORS } from '../http/endpoint.ts'
import { timeoutParameter } from '../http/request-deadline.ts'
import {
  about,
  choiceOf,
  COUNT,
  listOf,
  mapOf,
  objectOf,
  orNull,
  TEXT,
  type Schema,
} from '../http/schema.ts'
import { CHANGE_EXAMPLE, CHANGE_ORDER, CHANGE_REQUEST } from './change-request.ts'

export const MOVES_PATH = '/v1/cluster/moves'
/** Bounds the decision that starts the change, not the moves that follow it. */
export const APPLY_TIMEOUT_MS = 10_000
const BODY_BYTES_MAX = 4096

const KIND = choiceOf(['join', 'leave', 'replace', 'remove'] satisfies ChangeKind[])

export const CHANGE_STATUS: Schema = objectOf<ChangeStatus>('ChangeStatus', {
  kind: KIND,
  joining: orNull(TEXT),
  leaving: orNull(TEXT),
  phase: choiceOf(['moving', 'releasing', 'emptying'] satisfies ChangeStatus['phase'][]),
  done: listOf(TEXT),
  waitingFor: about(listOf(TEXT), 'Members that have not finished their part of this phase.'),
})

export const LOST = about(
  listOf(TEXT),
  'Members whose disks are lost. Nobody waits for them. Each is removed after the change, once enough members are left.',
)

const PLAN = objectOf<ChangePlan>('ChangePlan', {
  kind: KIND,
  moves: listOf(
    objectOf<PlannedMove>('PlannedMove', {
      partition: COUNT,
      copies: about(COUNT, 'The move concerns buckets that keep so many copies.'),
      from: about(orNull(TEXT), 'The member that gives up its copy; null if none does.'),
      to: TEXT,
    }),
  ),
  before: about(mapOf(COUNT), 'How many data partitions each member owns now.'),
  after: about(mapOf(COUNT), 'How many it owns after the change.'),
  warnings: listOf(TEXT),
})

export const PLAN_CHANGE: Endpoint = {
  method: 'POST',
  path: '/v1/cluster/plan',
  id: 'planChange',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Shows what a change of the members would move',
  description: 'Changes nothing.',
  query: [],
  body: {
    meaning: 'Exactly one change.',
    schema: CHANGE_REQUEST,
    bytesMax: BODY_BYTES_MAX,
    isRequired: true,
  },
  answers: [{ status: 200, meaning: 'The plan.', content: { 'application/json': PLAN } }],
  errors: [
    'bad_parameter',
    'change_refused',
    'change_under_way',
    'not_ready',
    'not_a_member',
    'quorum_unreachable',
  ],
  example: { target: '/v1/cluster/plan', body: '{"join":"n6"}' },
}

export interface ChangeBegun {
  readonly epoch: number
  readonly change: ChangeStatus | null
  readonly lost: readonly string[]
  readonly moves: string
}

const BEGUN = objectOf<ChangeBegun>('ChangeBegun', {
  epoch: about(COUNT, 'The epoch of the topology that this node now knows.'),
  change: about(
    orNull(CHANGE_STATUS),
    'The change that is under way. Null if the requested one has ended, or is being undone.',
  ),
  lost: LOST,
  moves: about(TEXT, 'The path of the progress.'),
})

export const APPLY_TIMEOUT = timeoutParameter(APPLY_TIMEOUT_MS)

export const APPLY_CHANGE: Endpoint = {
  method: 'POST',
  path: '/v1/cluster/apply',
  id: 'applyChange',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Starts a change of the members, or undoes the one under way',
  description:
    'A majority of the voters decides. The same request again finds the change that it started.',
  query: [APPLY_TIMEOUT],
  body: {
    meaning: 'Exactly one change, or `{"cancel":true}`.',
    schema: CHANGE_ORDER,
    bytesMax: BODY_BYTES_MAX,
    isRequired: true,
  },
  answers: [
    { status: 202, meaning: 'The change is under way.', content: { 'application/json': BEGUN } },
    {
      status: 200,
      meaning: 'Nothing is under way for this request (any more).',
      content: { 'application/json': BEGUN },
    },
  ],
  errors: ['bad_parameter', 'change_refused', 'change_under_way', ...TOPOLOGY_ERRORS],
  example: { target: '/v1/cluster/apply', body: CHANGE_EXAMPLE },
}

const MOVES = objectOf<MovesStatus>('Moves', {
  epoch: COUNT,
  change: orNull(CHANGE_STATUS),
  lost: LOST,
  nodes: listOf(
    objectOf<NodeMove>('NodeMove', {
      node: TEXT,
      state: choiceOf([
        'streaming',
        'comparing',
        'waiting',
        'releasing',
        'emptying',
        'done',
        'unreachable',
      ] satisfies NodeMove['state'][]),
      partitions: about(COUNT, 'Data partitions that the member takes over.'),
      partitionsDone: COUNT,
      keys: COUNT,
      bytes: COUNT,
      secondsLeft: about(
        orNull({ type: 'number' }),
        'Estimated from the pace so far; null before there is one.',
      ),
      waitsFor: TEXT,
    }),
  ),
})

export const GET_MOVES: Endpoint = {
  method: 'GET',
  path: MOVES_PATH,
  id: 'getMoves',
  tag: 'cluster',
  access: ADMIN,
  summary: 'Shows the progress of the change of the members',
  query: [],
  answers: [{ status: 200, meaning: 'The progress.', content: { 'application/json': MOVES } }],
  errors: ['bad_parameter', 'not_ready'],
  example: { target: MOVES_PATH },
}
