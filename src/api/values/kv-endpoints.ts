/** Describes `/v1/kv/{bucket}/{key}` for the table of endpoints. */
import type { ErrorCode } from '../../core/errors.ts'
import { READ_KEY, WRITE_KEY } from '../access/access-rule.ts'
import type { Answer, Endpoint } from '../http/endpoint.ts'
import { BUCKET_IN_PATH, KEY_IN_PATH } from '../http/kv-path.ts'
import { listOf, objectOf, type Schema, COUNT, TEXT } from '../http/schema.ts'
import { IDEMPOTENCY_KEY } from './idempotency-key.ts'
import * as header from './kv-headers.ts'
import { KV_PARAMETERS } from './kv-parameters.ts'
import { CHANGE_BODY, CHANGE_EXAMPLES } from './type-change-body.ts'

const KEY = {
  path: '/v1/kv/{bucket}/{key}',
  tag: 'values',
  pathParameters: [BUCKET_IN_PATH, KEY_IN_PATH],
} as const

const ANY_BYTES: Schema = {
  description:
    'The bytes of the value. A counter or a set is JSON: `{"value":3}`, `{"value":["a"]}`.',
}

/** A sibling as JSON shows it. */
export interface SiblingEntry {
  readonly id: string
  readonly contentType: string
  readonly size: number
  readonly node: string
  readonly time: string
  readonly value: string
  readonly valueBase64: string
}

export const SIBLING = objectOf<SiblingEntry>(
  'Sibling',
  {
    id: { ...TEXT, description: 'For the parameter `sibling`.' },
    contentType: TEXT,
    size: { ...COUNT, description: 'In bytes.' },
    node: { ...TEXT, description: 'The node that took the write.' },
    time: { type: 'string', format: 'date-time' },
    value: { ...TEXT, description: 'The value, if it is UTF-8.' },
    valueBase64: { ...TEXT, contentEncoding: 'base64', description: 'Any other value.' },
  },
  ['value', 'valueBase64'],
)
const SIBLINGS = objectOf<{ siblings: readonly SiblingEntry[] }>('Siblings', {
  siblings: listOf(SIBLING),
})

/** What any request for a value can be refused with, or end with. */
const KV_ERRORS = [
  'bad_parameter',
  'bad_bucket',
  'bad_key',
  'bad_session',
  'bucket_unknown',
  'mode_mismatch',
  'not_ready',
  'not_a_member',
  'quorum_unreachable',
  'storage_full',
  'storage_failed',
  'record_corrupt',
  'clock_drift',
  'session_past_unreachable',
  'outcome_unknown',
  'deadline_passed',
] as const satisfies readonly ErrorCode[]
const READ_ERRORS: readonly ErrorCode[] = [...KV_ERRORS, 'key_absent', 'sibling_absent']
const WRITE_ERRORS: readonly ErrorCode[] = [
  ...KV_ERRORS,
  'bad_context',
  'idempotency_unsupported',
  'idempotency_key_reused',
  'precondition_failed',
  'too_many_siblings',
  'limit_reached',
]

const READ_HEADERS = [...header.COMMON_HEADERS, header.ETAG]
const OPTIONAL_READ_HEADERS = [
  ...header.OPTIONAL_HEADERS,
  header.CONTEXT,
  header.SIBLING_COUNT,
  header.LAST_MODIFIED,
  header.STALE,
]
const VALUE_HEADERS = [...READ_HEADERS, header.NO_SNIFF, header.SANDBOX]

const READ = {
  ...KEY,
  access: READ_KEY,
  query: KV_PARAMETERS.get,
  headers: [header.SEND_SESSION, header.IF_NONE_MATCH_READ, header.ACCEPT_SIBLINGS],
  errors: READ_ERRORS,
  notFoundHeaders: [...header.COMMON_HEADERS, ...OPTIONAL_READ_HEADERS],
} as const

const UNCHANGED: Answer = {
  status: 304,
  meaning: '`If-None-Match` names the present values.',
  headers: READ_HEADERS,
  optionalHeaders: OPTIONAL_READ_HEADERS,
}

const GET_VALUE: Endpoint = {
  ...READ,
  method: 'GET',
  id: 'getValue',
  summary: 'Reads a value',
  description:
    'One value is answered as its raw bytes with its own Content-Type. Siblings, which concurrent writes leave, are ' +
    'answered together: as JSON, or raw with `Accept: multipart/mixed`. A 404 carries `Quorate-Context` if the key ' +
    'was deleted.',
  answers: [
    {
      status: 200,
      meaning: 'The value.',
      headers: VALUE_HEADERS,
      optionalHeaders: OPTIONAL_READ_HEADERS,
      content: { '*/*': ANY_BYTES },
    },
    {
      status: 300,
      meaning: 'The key has siblings.',
      headers: [...VALUE_HEADERS, header.SIBLING_COUNT, header.LAST_MODIFIED],
      optionalHeaders: OPTIONAL_READ_HEADERS,
      content: { 'application/json': SIBLINGS, 'multipart/mixed': TEXT },
    },
    UNCHANGED,
  ],
  example: { target: '/v1/kv/default/hello?consistency=quorum' },
}

const HEAD_VALUE: Endpoint = {
  ...READ,
  method: 'HEAD',
  id: 'headValue',
  summary: 'Answers like GET, without the body',
  answers: [
    {
      status: 200,
      meaning: 'There is one value.',
      headers: VALUE_HEADERS,
      optionalHeaders: OPTIONAL_READ_HEADERS,
    },
    {
      status: 300,
      meaning: 'The key has siblings.',
      headers: [...VALUE_HEADERS, header.SIBLING_COUNT, header.LAST_MODIFIED],
      optionalHeaders: OPTIONAL_READ_HEADERS,
    },
    UNCHANGED,
  ],
  example: { target: '/v1/kv/default/hello' },
}

const STORED: Answer = {
  status: 204,
  meaning: 'The write is stored at as many nodes as its level says.',
  headers: header.COMMON_HEADERS,
  optionalHeaders: [...header.OPTIONAL_HEADERS, header.CONTEXT, header.SIBLING_COUNT, header.ETAG],
}
const ACCEPTED: Answer = {
  status: 202,
  meaning: 'At level weak: accepted in memory, and not stored yet.',
  headers: header.COMMON_HEADERS,
  optionalHeaders: header.OPTIONAL_HEADERS,
}

const PUT_VALUE: Endpoint = {
  ...KEY,
  method: 'PUT',
  access: WRITE_KEY,
  id: 'putValue',
  summary: 'Writes a value',
  description:
    'Stores the raw bytes of the body with their Content-Type. Without `Quorate-Context` the write replaces every ' +
    'value that its quorum finds. Counters and sets take POST instead.',
  query: KV_PARAMETERS.put,
  headers: [
    header.SEND_CONTEXT,
    header.SEND_SESSION,
    header.IF_MATCH,
    header.IF_NONE_MATCH_WRITE,
    IDEMPOTENCY_KEY,
  ],
  body: {
    meaning: 'The value, of any type, up to 1 MiB (QUORATE_MAX_VALUE_BYTES).',
    isRequired: false,
  },
  answers: [STORED, ACCEPTED],
  errors: WRITE_ERRORS,
  example: {
    target: '/v1/kv/default/hello',
    headers: { 'Content-Type': 'text/plain' },
    body: 'world',
  },
}

const UPDATE_VALUE: Endpoint = {
  ...KEY,
  method: 'POST',
  access: WRITE_KEY,
  id: 'updateValue',
  summary: 'Updates a counter or a set',
  description:
    'Concurrent updates merge. Name an increment with an `Idempotency-Key`: it counts once, however often it is sent.',
  query: KV_PARAMETERS.update,
  headers: [header.SEND_SESSION, IDEMPOTENCY_KEY],
  body: { meaning: 'The change.', schema: CHANGE_BODY, isRequired: true },
  answers: [STORED, ACCEPTED],
  errors: WRITE_ERRORS,
  example: { target: '/v1/kv/visits/home', body: CHANGE_EXAMPLES.counter },
}

const DELETE_VALUE: Endpoint = {
  ...KEY,
  method: 'DELETE',
  access: WRITE_KEY,
  id: 'deleteValue',
  summary: 'Deletes a key',
  description: 'The answer is 204 for an absent key, too.',
  query: KV_PARAMETERS.delete,
  headers: [
    header.SEND_CONTEXT,
    header.SEND_SESSION,
    header.IF_MATCH,
    header.IF_NONE_MATCH_WRITE,
    IDEMPOTENCY_KEY,
  ],
  answers: [
    { ...STORED, optionalHeaders: [...(STORED.optionalHeaders ?? []), header.EXISTED] },
    ACCEPTED,
  ],
  errors: WRITE_ERRORS,
  example: { target: '/v1/kv/default/hello' },
}

export const KV_ENDPOINTS: readonly Endpoint[] = [
  PUT_VALUE,
  GET_VALUE,
  HEAD_VALUE,
  UPDATE_VALUE,
  DELETE_VALUE,
]
