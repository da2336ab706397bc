/** The schemas of JSON bodies and the parsers of these bodies take the same requests. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  BATCH_REQUEST,
  OPERATION,
  operationOf,
  operationsOf,
} from '../../src/api/batch/batch-request.ts'
import { BUCKET_REQUEST, newBucket } from '../../src/api/buckets/bucket-request.ts'
import {
  CHANGE_ORDER,
  CHANGE_REQUEST,
  changeOrder,
  changeRequest,
} from '../../src/api/cluster/change-request.ts'
import type { JsonObject } from '../../src/api/http/json-body.ts'
import type { Schema } from '../../src/api/http/schema.ts'
import { CHANGE_BODY, parseChange } from '../../src/api/values/type-change-body.ts'
import { QuorateError } from '../../src/core/errors.ts'
import type { Bucket } from '../../src/core/placement/topology.ts'
import type { TypeChange, UpdateRequest } from '../../src/node/service/service.ts'
import { refuseUnfit } from '../../src/node/write/type-change.ts'

const RUNS = 2000
const JUNK = [null, true, false, 0, 1, -1, 1.5, '', 'x', 'n2', 'N2', 'a'.repeat(40), [], {}, [1]]

/** Values of which some fit the schema, and most nearly do. */
function nearly(schema: Schema): fc.Arbitrary<unknown> {
  const { enum: choices = [], const: only, anyOf = [], properties, required, items } = schema
  const bounds = [schema.minimum, schema.maximum].flatMap((bound) =>
    bound === undefined ? [] : [bound - 1, bound, bound + 1],
  )
  const fitting = [...choices, ...(only === undefined ? [] : [only]), ...bounds]
  const parts: fc.Arbitrary<unknown>[] = [
    ...(fitting.length > 0 ? [fc.constantFrom(...fitting)] : []),
    ...anyOf.map(nearly),
    ...(items === undefined ? [] : [fc.array(nearly(items), { maxLength: 3 })]),
    ...(properties === undefined ? [] : [nearlyObject(properties, required)]),
  ]
  const likely = parts.length === 0 ? fc.constantFrom('n2', 'n6', 'a') : fc.oneof(...parts)
  return fc.oneof({ weight: 9, arbitrary: likely }, fc.constantFrom<unknown>(...JUNK))
}

/** Mostly what is required, and few other members at a time, because most requests must have exactly one. */
function nearlyObject(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): fc.Arbitrary<object> {
  const member = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...Object.keys(properties)) },
    fc.constant('nonsense'),
  )
  const first = fc.oneof({ weight: 9, arbitrary: fc.constant(required) }, fc.constant([]))
  return fc
    .tuple(first, fc.uniqueArray(member, { maxLength: 4 }))
    .chain((names) =>
      fc.record(
        Object.fromEntries(names.flat().map((name) => [name, nearly(properties[name] ?? {})])),
      ),
    )
}

const MEMBERS = ['n1', 'n2', 'n3'].map((id) => ({ id, peerUrl: `http://${id}:7080`, zone: 'east' }))

/** As the route and the node check an update together. */
function checkedChange(mode: 'counter' | 'set'): (body: JsonObject) => TypeChange {
  return (body) => {
    const change = parseChange(mode, body)
    refuseUnfit({ name: 'b', mode } as Bucket, { change } as UpdateRequest)
    return change
  }
}

const either = (body: JsonObject): unknown =>
  refusalOf(checkedChange('counter'), body) === undefined || checkedChange('set')(body)

test.each<[what: string, schema: Schema, parse: (body: JsonObject) => unknown, beyond: RegExp]>([
  // What a schema does not say: the name in the path, and the number of members.
  ['a bucket', BUCKET_REQUEST, (body) => newBucket('x', body, 5), /allowed: mode|^n must be/],
  ['a change', CHANGE_REQUEST, (body) => changeRequest(body, MEMBERS), /two nodes|peer port/],
  ['an order', CHANGE_ORDER, (body) => changeOrder(body, MEMBERS), /two nodes|peer port/],
  ['an update', CHANGE_BODY, either, /adds nothing|same element/],
  ['an operation', OPERATION, (body) => operationOf(body, 'operation'), /must be base64/],
  ['a batch', BATCH_REQUEST, operationsOf, /must be base64/],
])('body schemas: %s', (_what, schema, parse, beyond) => {
  const isValid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
  let taken = 0
  fc.assert(
    fc.property(nearly(schema), (body) => {
      fc.pre(typeof body === 'object' && body !== null && !Array.isArray(body))
      const refusal = refusalOf(parse, body as JsonObject)
      if (refusal === undefined) taken++
      if (refusal !== undefined && beyond.test(refusal)) return
      expect(isValid(body)).toBe(refusal === undefined)
    }),
    { numRuns: RUNS },
  )
  expect(taken).toBeGreaterThan(RUNS / 50)
})

test.each<JsonObject>([
  { join: { id: 'n4', peerUrl: null, zone: null } },
  { replace: { old: 'n2', new: 'n4', lost: null } },
])('body schemas: in a change, null counts as left out: %j', (body) => {
  expect(refusalOf((given) => changeRequest(given, MEMBERS), body)).toBeUndefined()
  expect(
    new Ajv2020({ strict: false, validateFormats: false }).validate(CHANGE_REQUEST, body),
  ).toBe(true)
})

/** The reason for which the parser refuses the body; undefined if it takes it. */
function refusalOf(parse: (body: JsonObject) => unknown, body: JsonObject): string | undefined {
  try {
    parse(body)
    return undefined
  } catch (error) {
    if (error instanceof QuorateError) return error.message
    throw error
  }
}
