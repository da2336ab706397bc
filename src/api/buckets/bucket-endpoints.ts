/** Describes the paths of buckets and of their keys for the table of endpoints. */
import { ADMIN_OF_BUCKET, ANY_TOKEN, READ_PREFIX, SEE_BUCKET } from '../access/access-rule.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import { type Endpoint, type HeaderField, TOPOLOGY_ERRORS } from '../http/endpoint.ts'
import { BUCKET_IN_PATH, BUCKET_NAME_SCHEMA, KEY_BYTES_MAX } from '../http/kv-path.ts'
import { checkedText, flag, wholeNumber } from '../http/parameter.ts'
import { badParameter } from '../http/query.ts'
import { timeoutParameter } from '../http/request-deadline.ts'
import { about, BOOLEAN, COUNT, listOf, objectOf, orNull, TEXT } from '../http/schema.ts'
import { BUCKET_MEMBERS, BUCKET_REQUEST } from './bucket-request.ts'

const BODY_BYTES_MAX = 16_384
export const CREATE_TIMEOUT_MS = 10_000
export const KEYS_DEFAULT = 100
export const KEYS_MAX = 1000
export const NDJSON = 'application/x-ndjson'
export const BUCKET_EXAMPLE = '{"mode":"siblings"}'

const BUCKET = objectOf<Bucket>('Bucket', { name: BUCKET_NAME_SCHEMA, ...BUCKET_MEMBERS })

export const LIST_BUCKETS: Endpoint = {
  method: 'GET',
  path: '/v1/buckets',
  id: 'listBuckets',
  tag: 'buckets',
  access: ANY_TOKEN,
  summary: 'Lists the buckets',
  query: [],
  answers: [
    {
      status: 200,
      meaning: 'All buckets, sorted by name; with a token, those that its grants cover.',
      content: {
        'application/json': objectOf<{ buckets: Bucket[] }>('Buckets', { buckets: listOf(BUCKET) }),
      },
    },
  ],
  errors: ['bad_parameter', 'not_ready'],
  example: { target: '/v1/buckets' },
}

export const GET_BUCKET: Endpoint = {
  method: 'GET',
  path: '/v1/buckets/{bucket}',
  id: 'getBucket',
  tag: 'buckets',
  access: SEE_BUCKET,
  summary: 'Shows a bucket',
  pathParameters: [BUCKET_IN_PATH],
  query: [],
  answers: [{ status: 200, meaning: 'The bucket.', content: { 'application/json': BUCKET } }],
  errors: ['bad_parameter', 'bad_bucket', 'bucket_unknown', 'not_ready'],
  example: { target: '/v1/buckets/default' },
}

export const CREATE_TIMEOUT = timeoutParameter(CREATE_TIMEOUT_MS)
const LOCATION: HeaderField = { name: 'Location', meaning: 'The path of the bucket.', schema: TEXT }

export const PUT_BUCKET: Endpoint = {
  method: 'PUT',
  path: '/v1/buckets/{bucket}',
  id: 'putBucket',
  tag: 'buckets',
  access: ADMIN_OF_BUCKET,
  summary: 'Creates a bucket',
  description:
    'A majority of the voters decides. A bucket cannot be changed: the same request again is 200, any other is 409.',
  pathParameters: [BUCKET_IN_PATH],
  query: [CREATE_TIMEOUT],
  body: {
    meaning:
      'What the bucket promises. All members are optional; by default `mode` is siblings, `n` is 3, `consistency` is ' +
      'quorum, and `durability` is sync.',
    schema: BUCKET_REQUEST,
    bytesMax: BODY_BYTES_MAX,
    isRequired: false,
  },
  answers: [
    {
      status: 201,
      meaning: 'The bucket was created.',
      headers: [LOCATION],
      content: { 'application/json': BUCKET },
    },
    {
      status: 200,
      meaning: 'The same bucket exists already.',
      content: { 'application/json': BUCKET },
    },
  ],
  errors: ['bad_parameter', 'bad_bucket', 'bucket_conflict', 'limit_reached', ...TOPOLOGY_ERRORS],
  example: { target: '/v1/buckets/visits', body: '{"mode":"counter"}' },
}

export const DELETE_TIMEOUT = timeoutParameter(CREATE_TIMEOUT_MS)
export const FORCE = flag('force', 'Delete the bucket with everything that it holds.')

export const DELETE_BUCKET: Endpoint = {
  method: 'DELETE',
  path: '/v1/buckets/{bucket}',
  id: 'deleteBucket',
  tag: 'buckets',
  access: ADMIN_OF_BUCKET,
  summary: 'Deletes a bucket',
  description:
    'Without `force` the bucket must be empty, and every member must tell so; for the check it takes no writes. With ' +
    '`force` a majority of the voters decides, and all that the bucket holds is deleted, also what a member that is ' +
    'cut off still stores there. The name may be used again.',
  pathParameters: [BUCKET_IN_PATH],
  query: [FORCE, DELETE_TIMEOUT],
  answers: [{ status: 204, meaning: 'The bucket is deleted.' }],
  errors: [
    'bad_parameter',
    'bad_bucket',
    'bucket_unknown',
    'bucket_not_empty',
    'bucket_permanent',
    'change_under_way',
    ...TOPOLOGY_ERRORS,
  ],
  example: { target: '/v1/buckets/visits?force=true' },
}

const KEY_TEXT = { type: 'string', maxLength: KEY_BYTES_MAX } as const

const keyText = (name: string, meaning: string): ReturnType<typeof checkedText> =>
  checkedText(
    name,
    KEY_TEXT,
    (text) => {
      const bytes = Buffer.byteLength(text)
      if (bytes <= KEY_BYTES_MAX) return text
      throw badParameter(`${name} has ${bytes} bytes; a key has at most ${KEY_BYTES_MAX}.`)
    },
    meaning,
  )

export const PREFIX = keyText('prefix', 'Only keys that begin with it.')
export const AFTER = keyText('after', 'Only keys after this one: `next` of the page before.')
export const LIMIT = wholeNumber(
  'limit',
  1,
  KEYS_MAX,
  `The keys of a page; by default ${KEYS_DEFAULT}. A stream without it has all keys.`,
)
export const CONFLICTED = flag('conflicted', 'Only keys with siblings.')
export const LIST_TIMEOUT = timeoutParameter()

/** A key as lists show it. */
export interface KeyEntry {
  readonly key: string
  readonly size: number
  readonly siblings: number
  readonly etag: string
}

export interface KeyPage {
  readonly keys: readonly KeyEntry[]
  readonly next: string | null
  readonly complete: boolean
  readonly missingPartitions?: readonly number[]
}

const KEY_PAGE = objectOf<KeyPage>(
  'KeyPage',
  {
    keys: listOf(
      objectOf<KeyEntry>('KeyEntry', {
        key: TEXT,
        size: about(COUNT, 'The bytes of all its values together.'),
        siblings: COUNT,
        etag: TEXT,
      }),
    ),
    next: about(orNull(TEXT), 'Send it as `after` for the next page; null at the end.'),
    complete: about(BOOLEAN, 'Whether no data partition is missing.'),
    missingPartitions: about(
      listOf(COUNT),
      'Data partitions without a majority of their owners in reach: some of their keys may be missing here.',
    ),
  },
  ['missingPartitions'],
)

const LINK: HeaderField = {
  name: 'Link',
  meaning: 'The address of the next page, with `rel="next"` (RFC 8288).',
  schema: TEXT,
}
const VARY: HeaderField = { name: 'Vary', meaning: 'The answer depends on Accept.', schema: TEXT }

export const LIST_KEYS: Endpoint = {
  method: 'GET',
  path: '/v1/keys/{bucket}',
  id: 'listKeys',
  tag: 'buckets',
  access: READ_PREFIX,
  summary: 'Lists the keys of a bucket',
  description:
    'A list reads a majority of the owners of every data partition. Keys come in byte order. ' +
    `\`Accept: ${NDJSON}\` streams all keys, one JSON object a line; the last line says whether the list is complete.`,
  pathParameters: [BUCKET_IN_PATH],
  query: [PREFIX, AFTER, LIMIT, CONFLICTED, LIST_TIMEOUT],
  headers: [
    { name: 'Accept', meaning: `\`${NDJSON}\` asks for a stream of all keys.`, schema: TEXT },
  ],
  answers: [
    {
      status: 200,
      meaning: 'A page of keys, or all keys as a stream.',
      headers: [VARY],
      optionalHeaders: [LINK],
      content: { 'application/json': KEY_PAGE, [NDJSON]: TEXT },
    },
  ],
  errors: [
    'bad_parameter',
    'bad_bucket',
    'bucket_unknown',
    'not_ready',
    'not_a_member',
    'quorum_unreachable',
    'storage_failed',
    'record_corrupt',
    'deadline_passed',
    'outcome_unknown',
  ],
  example: { target: '/v1/keys/default?limit=10' },
}
