/** Describes `POST /v1/batch` for the table of endpoints. */
import { EACH_OPERATION } from '../access/access-rule.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { PROBLEM } from '../http/problem.ts'
import { timeoutParameter } from '../http/request-deadline.ts'
import {
  about,
  BOOLEAN,
  choiceOf,
  COUNT,
  listOf,
  objectOf,
  TEXT,
  type Schema,
} from '../http/schema.ts'
import { SIBLING, type SiblingEntry } from '../values/kv-endpoints.ts'
import { SEND_SESSION, SESSION } from '../values/kv-headers.ts'
import { ANSWER_BYTES_MAX } from './answer-room.ts'
import { BATCH_EXAMPLE, BATCH_REQUEST, OPERATIONS_MAX } from './batch-request.ts'

export const BATCH_BYTES_MAX = 1_048_576

/** The answer to one operation. Each member is there if the single request has what it stands for. */
interface OperationAnswer {
  readonly status: number
  readonly etag: string
  readonly context: string
  readonly siblingCount: number
  readonly existed: boolean
  readonly consistency: string
  readonly coordinator: string
  readonly quorum: object
  readonly stale: string
  readonly lastModified: string
  readonly contentType: string
  readonly value: string | number | readonly string[]
  readonly valueBase64: string
  readonly siblings: readonly SiblingEntry[]
  readonly retryAfter: number
  readonly problem: object
}

const MEMBERS: Readonly<Record<keyof OperationAnswer, Schema>> = {
  status: about(COUNT, 'The status that the single request would have.'),
  etag: about(TEXT, 'Names the present values of the key.'),
  context: about(TEXT, 'Send it back with the write that replaces what this answer has seen.'),
  siblingCount: about(COUNT, 'How many values the key has.'),
  existed: about(BOOLEAN, 'Of a delete: whether there was a value.'),
  consistency: about(TEXT, 'The level that the answer keeps.'),
  coordinator: about(TEXT, 'The node that ran the operation.'),
  quorum: objectOf<{ need: number; got: number; hinted: number }>('Quorum', {
    need: COUNT,
    got: COUNT,
    hinted: COUNT,
  }),
  stale: about(choiceOf(['possible']), 'A strong key was read at a weaker level.'),
  lastModified: TEXT,
  contentType: TEXT,
  value: about(
    { anyOf: [TEXT, { type: 'integer' }, listOf(TEXT)] },
    'The value: text, the number of a counter, or the elements of a set.',
  ),
  valueBase64: about(TEXT, 'A value that is not UTF-8.'),
  siblings: about(listOf(SIBLING), 'With status 300: all values, as a read of the key shows them.'),
  retryAfter: about(COUNT, 'After how many seconds to send the operation again.'),
  problem: about({ anyOf: [PROBLEM] }, 'If the operation failed: why, and with which outcome.'),
}
const OPTIONAL = Object.keys(MEMBERS).filter(
  (member) => member !== 'status',
) as (keyof OperationAnswer)[]

interface BatchAnswer {
  readonly transaction: boolean
  readonly answers: readonly OperationAnswer[]
}

const BATCH_ANSWER = objectOf<BatchAnswer>('BatchAnswer', {
  transaction: about(
    { const: false },
    'A batch is not a transaction: some operations may fail while others succeed.',
  ),
  answers: about(
    listOf(objectOf<OperationAnswer>('OperationAnswer', MEMBERS, OPTIONAL)),
    'One for each operation, in the order of the operations.',
  ),
})

export const BATCH_TIMEOUT = timeoutParameter()

export const RUN_BATCH: Endpoint = {
  method: 'POST',
  path: '/v1/batch',
  id: 'runBatch',
  tag: 'values',
  access: EACH_OPERATION,
  summary: `Runs up to ${OPERATIONS_MAX} reads and writes`,
  description:
    'Not a transaction: each operation succeeds or fails by itself, with a status of its own, and other clients see ' +
    'operations before the batch ends. Operations of one key run in their order. Others run side by side. The timeout ' +
    `is that of all operations together. The values of an answer have ${ANSWER_BYTES_MAX / 1_048_576} MiB together at most.`,
  query: [BATCH_TIMEOUT],
  headers: [SEND_SESSION],
  body: {
    meaning: `Up to ${OPERATIONS_MAX} operations, and up to 1 MiB.`,
    schema: BATCH_REQUEST,
    bytesMax: BATCH_BYTES_MAX,
    isRequired: true,
  },
  answers: [
    {
      status: 200,
      meaning: 'Every operation has an answer, also if all of them failed.',
      optionalHeaders: [SESSION],
      content: { 'application/json': BATCH_ANSWER },
    },
  ],
  errors: ['bad_parameter', 'idempotency_unsupported', 'not_ready'],
  example: { target: '/v1/batch', body: BATCH_EXAMPLE },
}
