/** Writes the OpenAPI 3.1 document of the interface from the table of endpoints. */
import { ERRORS, type ErrorCode } from '../../core/errors.ts'
import {
  type Answer,
  type Endpoint,
  errorsOf,
  type HeaderField,
  type RequestBody,
} from '../http/endpoint.ts'
import { wordsOfRule } from '../access/access-rule.ts'
import type { Parameter } from '../http/parameter.ts'
import { PROBLEM, PROBLEM_TYPE } from '../http/problem.ts'
import { COUNT, type Schema, TEXT } from '../http/schema.ts'
import { ABOUT, NOTES, TAGS } from './interface-words.ts'
import { SchemaPool } from './schema-pool.ts'

const REQUEST_ID: HeaderField = {
  name: 'X-Request-Id',
  meaning: 'The id of the request: the client’s own, if it sent a well-formed one.',
  schema: TEXT,
}
const RETRY_AFTER: HeaderField = {
  name: 'Retry-After',
  meaning: 'After how many seconds to send the request again.',
  schema: COUNT,
}

const SCHEME = 'token'
const BEARER = {
  type: 'http',
  scheme: 'bearer',
  description: 'Only nodes with QUORATE_AUTH=on ask for a token.',
}

export function openApiDocument(endpoints: readonly Endpoint[], version: string): object {
  const pool = new SchemaPool()
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of endpoints) {
    paths[endpoint.path] ??= {}
    Object.assign(paths[endpoint.path] as object, {
      [endpoint.method.toLowerCase()]: operationOf(endpoint, pool),
    })
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quorate',
      version,
      summary: ABOUT,
      description: NOTES.join('\n\n'),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'Any node: each answers requests for every key.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: pool.schemas, securitySchemes: { [SCHEME]: BEARER } },
  }
}

function operationOf(endpoint: Endpoint, pool: SchemaPool): object {
  const { pathParameters = [], query = [], headers = [], body } = endpoint
  return {
    operationId: endpoint.id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: descriptionOf(endpoint),
    security: endpoint.access.needs === 'nothing' ? [] : [{ [SCHEME]: [] }, {}],
    parameters: [
      ...pathParameters.map((parameter) => ({ ...parameterOf('path', parameter), required: true })),
      ...query.map((parameter) => ({ ...parameterOf('query', parameter), ...rulesOf(parameter) })),
      ...headers.map((parameter) => parameterOf('header', parameter)),
    ],
    ...(body === undefined ? {} : { requestBody: requestBody(body, endpoint, pool) }),
    responses: { ...answersOf(endpoint, pool), ...problemsOf(endpoint, pool) },
  }
}

function descriptionOf({ description, access }: Endpoint): string {
  const rule = `With QUORATE_AUTH=on it needs ${wordsOfRule(access)}.`
  return description === undefined ? rule : `${description} ${rule}`
}

function parameterOf(place: string, { name, meaning, schema }: HeaderField): object {
  return { name, in: place, description: meaning, schema }
}

function rulesOf({ isRequired, isBareAllowed }: Parameter): object {
  return {
    ...(isRequired === true ? { required: true } : {}),
    ...(isBareAllowed === true ? { allowEmptyValue: true } : {}),
  }
}

function requestBody(
  { meaning, schema, isRequired }: RequestBody,
  { example }: Endpoint,
  pool: SchemaPool,
): object {
  const content =
    schema === undefined
      ? { '*/*': { schema: {} } }
      : {
          'application/json': {
            schema: pool.referring(schema),
            example: JSON.parse(example.body ?? '{}') as unknown,
          },
        }
  return { description: meaning, required: isRequired, content }
}

function answersOf({ answers }: Endpoint, pool: SchemaPool): Record<string, object> {
  const entries = answers.map(
    ({ status, meaning, headers = [], optionalHeaders = [], content }: Answer) => [
      String(status),
      {
        description: meaning,
        headers: headersOf([REQUEST_ID, ...headers], optionalHeaders),
        ...(content === undefined ? {} : { content: contentOf(content, pool) }),
      },
    ],
  )
  return Object.fromEntries(entries) as Record<string, object>
}

function headersOf(always: readonly HeaderField[], sometimes: readonly HeaderField[]): object {
  const entry = ({ name, meaning, schema }: HeaderField, required: boolean): [string, object] => [
    name,
    { description: meaning, required, schema },
  ]
  return Object.fromEntries([
    ...sometimes.map((field) => entry(field, false)),
    // Last, because a header that some answers of a kind always carry may be in both lists.
    ...always.map((field) => entry(field, true)),
  ])
}

function contentOf(content: Readonly<Record<string, Schema>>, pool: SchemaPool): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [type, { schema: pool.referring(schema) }]),
  )
}

/**
 * One answer for each status that the endpoint's own errors have. All other errors can come from any path, and are
 * together the default answer.
 */
function problemsOf(endpoint: Endpoint, pool: SchemaPool): Record<string, object> {
  const own = new Set<number>(endpoint.errors.map((code) => ERRORS[code].status))
  const byStatus = Map.groupBy(errorsOf(endpoint), (code) => {
    const { status } = ERRORS[code]
    return own.has(status) ? String(status) : 'default'
  })
  const answers = [...byStatus].map(([status, codes]) => [
    status,
    problemAnswer(status, codes, endpoint, pool),
  ])
  return Object.fromEntries(answers) as Record<string, object>
}

function problemAnswer(
  status: string,
  codes: readonly ErrorCode[],
  { method, problemMembers, notFoundHeaders = [] }: Endpoint,
  pool: SchemaPool,
): object {
  const lines = codes.map((code) => {
    const { status: its, title } = ERRORS[code]
    return `- \`${code}\`${status === 'default' ? ` (${its})` : ''}: ${title}`
  })
  const narrowed = { properties: { code: { enum: codes }, ...problemMembers } }
  const schema = { allOf: [PROBLEM, narrowed] }
  return {
    description: lines.join('\n'),
    headers: headersOf(
      status === '503' ? [REQUEST_ID, RETRY_AFTER] : [REQUEST_ID],
      status === '404' ? notFoundHeaders : [],
    ),
    // An answer to HEAD has no body.
    ...(method === 'HEAD' ? {} : { content: contentOf({ [PROBLEM_TYPE]: schema }, pool) }),
  }
}
