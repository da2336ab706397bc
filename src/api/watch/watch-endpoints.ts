/** Describes the watch of a bucket for the table of endpoints. */
import { READ_PREFIX } from '../access/access-rule.ts'
import { PREFIX } from '../buckets/bucket-endpoints.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { EVENT_STREAM_TYPE, HEARTBEAT_SECONDS } from '../http/event-stream.ts'
import { BUCKET_IN_PATH } from '../http/kv-path.ts'
import { checkedText } from '../http/parameter.ts'
import { TEXT } from '../http/schema.ts'

/** The position before everything. */
export const EVERYTHING = '0'

/** The data of an event without a name. */
export type ChangeEvent =
  | {
      readonly type: 'put'
      readonly key: string
      readonly size: number
      readonly siblings: number
      readonly etag: string
    }
  | { readonly type: 'delete'; readonly key: string }

/** The data of an event `heartbeat`. */
export interface Heartbeat {
  readonly complete: boolean
  readonly toldUntil: string | null
  readonly missingPartitions?: readonly number[]
}

export const SINCE = checkedText(
  'since',
  TEXT,
  (text) => text,
  'The id of an event: continues after it, at any node. 0 begins with every key. By default only changes from now on.',
)

export const WATCH_BUCKET: Endpoint = {
  method: 'GET',
  path: '/v1/watch/{bucket}',
  id: 'watchBucket',
  tag: 'buckets',
  access: READ_PREFIX,
  summary: 'Tells the changes of a bucket as they happen',
  description:
    'Server-Sent Events. An event without a name is a change, with one line of JSON: `{"type":"put","key":…,"size":…,' +
    '"siblings":…,"etag":…}` or `{"type":"delete","key":…}`, also for an expired value. `heartbeat` comes first, and ' +
    `then every ${HEARTBEAT_SECONDS} s: \`complete\` is false while changes of some keys may come late, and all ` +
    'writes until `toldUntil` have been told. `reset`: forget every key; all keys follow, up to the event `complete`. ' +
    '`end` says why the stream ends. Each change is told at least once; quick changes of one key may be told as one; ' +
    'keys come in no order.',
  pathParameters: [BUCKET_IN_PATH],
  query: [PREFIX, SINCE],
  headers: [
    {
      name: 'Last-Event-ID',
      meaning:
        'The id of the last event, when a client connects again. It takes the place of `since`.',
      schema: TEXT,
    },
  ],
  answers: [
    {
      status: 200,
      meaning: 'A stream of events without an end.',
      content: { [EVENT_STREAM_TYPE]: TEXT },
    },
  ],
  errors: [
    'bad_parameter',
    'bad_bucket',
    'bucket_unknown',
    'watch_position_gone',
    'not_ready',
    'not_a_member',
    'quorum_unreachable',
  ],
  example: { target: '/v1/watch/default' },
}
