/**
 * Reads the operations of a batch from its JSON body. A batch with an operation that no single request could express is
 * refused as a whole. Everything that a single request can be refused for is left to the answer of the operation.
 */
import { QuorateError } from '../../core/errors.ts'
import { LEVELS } from '../../core/quorum/level.ts'
import type { JsonObject } from '../http/json-body.ts'
import { quoted } from '../http/query.ts'
import { about, patternOf, type Schema, TEXT } from '../http/schema.ts'
import type { KvOperation } from '../values/kv-parameters.ts'

export const OPERATIONS_MAX = 128
export const BATCH_EXAMPLE =
  '{"operations":[{"op":"put","bucket":"default","key":"hello","value":"world"},' +
  '{"op":"get","bucket":"default","key":"hello"}]}'

const PRINTABLE = /^[\x20-\x7e]*$/
/** Such members take the place of headers. */
const HEADER = patternOf(PRINTABLE)
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

const EVERY_OPERATION = {
  bucket: about(TEXT, 'The name of the bucket.'),
  key: about(TEXT, 'The key, as it is: not percent-encoded.'),
  consistency: about(TEXT, `By default the level of the bucket; one of ${LEVELS.join(', ')}.`),
} as const
const NAME = about(HEADER, 'As the header Idempotency-Key.')
const EVERY_WRITE = {
  context: about(HEADER, 'As the header Quorate-Context.'),
  ifMatch: about(HEADER, 'As the header If-Match.'),
  ifNoneMatch: about(HEADER, 'As the header If-None-Match.'),
  idempotencyKey: NAME,
} as const
/** The members of each operation besides `op`. */
const MEMBERS = {
  get: { ...EVERY_OPERATION, ifNoneMatch: EVERY_WRITE.ifNoneMatch },
  put: {
    ...EVERY_OPERATION,
    ...EVERY_WRITE,
    value: about(TEXT, 'The value, if it is text; it is stored as UTF-8.'),
    valueBase64: about(patternOf(BASE64), 'Any other value.'),
    contentType: about(HEADER, 'As the header Content-Type.'),
    ttl: about({ type: 'integer' }, 'As the parameter `ttl`: seconds until the value expires.'),
  },
  delete: { ...EVERY_OPERATION, ...EVERY_WRITE },
  update: {
    ...EVERY_OPERATION,
    idempotencyKey: NAME,
    change: about(
      { type: 'object' },
      'For counters and sets: the body of `POST /v1/kv/{bucket}/{key}`.',
    ),
  },
} as const satisfies Record<KvOperation, Readonly<Record<string, Schema>>>
const REQUIRED = {
  get: [],
  put: [],
  delete: [],
  update: ['change'],
} as const satisfies Record<KvOperation, readonly string[]>
const OPS = Object.keys(MEMBERS) as readonly KvOperation[]

/** What `operationOf` takes. */
export const OPERATION: Schema = {
  title: 'Operation',
  anyOf: OPS.map((op) => ({
    type: 'object',
    properties: { op: { const: op }, ...MEMBERS[op] },
    required: ['op', 'bucket', 'key', ...REQUIRED[op]],
    additionalProperties: false,
    ...(op === 'put' ? { oneOf: [{ required: ['value'] }, { required: ['valueBase64'] }] } : {}),
  })),
}

/** What `operationsOf` takes. */
export const BATCH_REQUEST: Schema = {
  title: 'Batch',
  type: 'object',
  properties: { operations: { type: 'array', items: OPERATION, maxItems: OPERATIONS_MAX } },
  required: ['operations'],
  additionalProperties: false,
}

/** One operation, with what takes the place of the query, the headers and the body of a single request. */
export interface BatchOperation {
  readonly op: KvOperation
  readonly bucket: string
  readonly key: string
  readonly consistency: string | undefined
  readonly ttl: number | undefined
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const NO_BYTES = Buffer.alloc(0)

/** Throws bad_request. */
export function operationsOf(body: JsonObject): BatchOperation[] {
  const unknown = Object.keys(body).find((member) => member !== 'operations')
  if (unknown !== undefined) {
    throw badBatch(`There is no member ${quoted(unknown)} here; allowed: operations.`)
  }
  const { operations } = body
  if (!Array.isArray(operations)) {
    throw badBatch(`A batch has a list of operations: ${BATCH_EXAMPLE}.`)
  }
  if (operations.length > OPERATIONS_MAX) {
    throw badBatch(
      `The batch has ${operations.length} operations; at most ${OPERATIONS_MAX} are allowed.`,
    )
  }
  return operations.map((operation, i) => operationOf(operation, `operations[${i}]`))
}

/** `where` names the operation in errors. Throws bad_request. */
export function operationOf(operation: unknown, where: string): BatchOperation {
  if (!isObject(operation)) throw badBatch(`${where} must be an object, not ${shown(operation)}.`)
  const { op } = operation
  const found = OPS.find((candidate) => candidate === op)
  if (found === undefined) {
    throw badBatch(`${where}.op must be one of ${OPS.join(', ')}, not ${shown(op)}.`)
  }
  checkMembers(operation, found, where)
  // All members have been checked.
  const members = operation as unknown as Members
  return {
    op: found,
    bucket: members.bucket,
    key: members.key,
    consistency: members.consistency,
    ttl: members.ttl,
    headers: headersOf(members),
    body: bodyOf(members),
  }
}

/** The members of an operation after their check. */
interface Members {
  readonly bucket: string
  readonly key: string
  readonly consistency?: string
  readonly value?: string
  readonly valueBase64?: string
  readonly change?: JsonObject
  readonly ttl?: number
  readonly contentType?: string
  readonly context?: string
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly idempotencyKey?: string
}

function checkMembers(operation: JsonObject, op: KvOperation, where: string): void {
  const schemas: Readonly<Record<string, Schema>> = MEMBERS[op]
  for (const [member, value] of Object.entries(operation)) {
    if (member === 'op') continue
    const schema = Object.hasOwn(schemas, member) ? schemas[member] : undefined
    if (schema === undefined) {
      const allowed = Object.keys(schemas).join(', ')
      throw badBatch(
        `There is no member ${quoted(member)} in ${where}, whose op is ${op}; allowed: ${allowed}.`,
      )
    }
    const need = mismatchOf(schema, value)
    if (need !== undefined) throw badBatch(`${where}.${member} must be ${need}.`)
  }
  for (const member of ['bucket', 'key', ...REQUIRED[op]]) {
    if (!Object.hasOwn(operation, member)) throw badBatch(`${where} needs the member ${member}.`)
  }
  const values = ['value', 'valueBase64'].filter((member) => Object.hasOwn(operation, member))
  if (op === 'put' && values.length !== 1) {
    throw badBatch(`${where} needs either value or valueBase64.`)
  }
}

/** What the value should be, in words; undefined if it fits the schema. */
function mismatchOf({ type, pattern }: Schema, value: unknown): string | undefined {
  switch (type) {
    case 'object':
      return isObject(value) ? undefined : `an object, not ${shown(value)}`
    case 'integer':
      return Number.isInteger(value) ? undefined : `a whole number, not ${shown(value)}`
    default:
      if (typeof value !== 'string') return `a string, not ${shown(value)}`
      // Half a surrogate pair has no UTF-8. Another character would be stored in its place.
      if (!value.isWellFormed()) return 'well-formed Unicode, without half a surrogate pair'
      if (pattern === BASE64.source) return isBase64(value) ? undefined : 'base64'
      if (pattern === undefined || PRINTABLE.test(value)) return undefined
      return `printable characters of ASCII only, not ${shown(value)}`
  }
}

function headersOf(members: Members): Record<string, string> {
  const { contentType, context, ifMatch, ifNoneMatch, idempotencyKey } = members
  const headers = {
    'content-type': contentType,
    'quorate-context': context,
    'if-match': ifMatch,
    'if-none-match': ifNoneMatch,
    'idempotency-key': idempotencyKey,
  }
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function bodyOf({ value, valueBase64, change }: Members): Buffer {
  if (value !== undefined) return Buffer.from(value)
  if (valueBase64 !== undefined) return Buffer.from(valueBase64, 'base64')
  return change === undefined ? NO_BYTES : Buffer.from(JSON.stringify(change))
}

/** Whether the text is what the encoding of its bytes gives. The decoder of Node.js skips what it does not know. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return value === undefined ? 'left out' : quoted(JSON.stringify(value))
}

function badBatch(problem: string): QuorateError {
  return new QuorateError('bad_request', `${problem} Nothing of the batch was applied.`)
}
