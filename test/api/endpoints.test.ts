/**
 * Walks every endpoint of the table at a real node, with good input and with bad input. The test cluster compares each
 * answer with the OpenAPI document, so the walk shows that the node answers as the document says.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENDPOINTS } from '../../src/api/endpoints.ts'
import type { Endpoint } from '../../src/api/http/endpoint.ts'
import type { Schema } from '../../src/api/http/schema.ts'
import type { ErrorCode } from '../../src/core/errors.ts'
import {
  startCluster,
  type TestAnswer,
  type TestCluster,
  type TestRequest,
} from './test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster(1, { QUORATE_ALLOWED_HOSTS: 'quorate.example' })
  for (const endpoint of ENDPOINTS) if (endpoint.method === 'PUT') await run(endpoint)
})

afterAll(() => cluster.stop())

/** Examples that one node alone must refuse. */
const REFUSED_EXAMPLES: Readonly<Record<string, ErrorCode>> = {
  applyChange: 'change_refused',
  // Only a node with QUORATE_AUTH=on makes and shows tokens.
  createToken: 'forbidden',
  listTokens: 'forbidden',
  revokeToken: 'forbidden',
}
/** Good values that the bucket of the example does not allow, or that only the cluster itself can make. */
const REFUSED_VALUES: readonly string[] = ['consistency=strong', 'since=a']

/** Sends the example, with another target or with other parts of a request. */
function run(
  { method, example }: Endpoint,
  target = example.target,
  other: TestRequest = {},
): Promise<TestAnswer> {
  const body = other.body ?? example.body
  return cluster.request(0, target, {
    method,
    headers: { ...example.headers, ...other.headers },
    ...(body === undefined ? {} : { body }),
  })
}

function codeOf({ status, headers, text }: TestAnswer): string {
  if (headers['content-type'] !== 'application/problem+json') return String(status)
  return text === '' ? 'a problem' : (JSON.parse(text) as { code: string }).code
}

/** The example's target, with this parameter in the place of its own. */
function withParameter({ example: { target } }: Endpoint, parameter: string): string {
  const [path = '', query = ''] = target.split('?')
  const name = parameter.split('=')[0]
  const others = query.split('&').filter((pair) => pair !== '' && pair.split('=')[0] !== name)
  return `${path}?${[...others, parameter].join('&')}`
}

function goodTexts({
  enum: choices,
  type,
  minimum,
  maximum,
  pattern,
  maxLength,
}: Schema): string[] {
  if (choices !== undefined) return choices as string[]
  if (type === 'boolean') return ['true', 'false']
  if (type === 'integer') return [minimum, maximum ?? minimum].map(String)
  if (pattern !== undefined) return ['default']
  return ['a', 'a'.repeat(maxLength ?? 1)]
}

function badTexts(schema: Schema): string[] {
  const { enum: choices, type, minimum, maximum, pattern, minLength, maxLength } = schema
  if (type === 'integer') {
    const above = maximum === undefined ? [] : [String(maximum + 1)]
    return [String((minimum ?? 0) - 1), ...above, '-1', '1.5', 'x', '', '9'.repeat(30)]
  }
  if (type === 'boolean') return ['maybe', 'TRUE', '1']
  if (choices !== undefined) return ['nonsense', '', String(choices[0]).toUpperCase()]
  return [
    ...(pattern === undefined ? [] : ['', '!', 'A', 'a'.repeat(64)]),
    ...(minLength === undefined ? [] : ['']),
    ...(maxLength === undefined ? [] : ['a'.repeat(maxLength + 1)]),
    '%ff',
  ]
}

const isStrict = ({ query }: Endpoint): boolean => query !== undefined
const named = (endpoints: readonly Endpoint[]): [string, Endpoint][] =>
  endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint])

describe.each(named(ENDPOINTS))('endpoint %s', (_name, endpoint) => {
  const { method, path, id, query = [], pathParameters = [], body } = endpoint
  // An answer to HEAD has no body, so it has no code.
  const expected = (code: string): string => (method === 'HEAD' ? 'a problem' : code)

  test('answers its example', async () => {
    const answer = await run(endpoint)
    const refusal = REFUSED_EXAMPLES[id]
    if (refusal === undefined) expect(answer.status).toBeLessThan(400)
    else expect(codeOf(answer)).toBe(refusal)
    if (method === 'GET') {
      const head = await cluster.request(0, endpoint.example.target, { method: 'HEAD' })
      expect([head.status, head.text]).toEqual([answer.status, ''])
    }
    if (id === 'deleteValue') await run(ENDPOINTS[0] as Endpoint)
  })

  test.each(query.map((parameter) => [parameter.name, parameter] as const))(
    'takes %s as its schema says',
    async (name, { schema, isBareAllowed }) => {
      const bare = isBareAllowed === true ? [name, `${name}=`] : []
      for (const pair of [...goodTexts(schema).map((text) => `${name}=${text}`), ...bare]) {
        const { status } = await run(endpoint, withParameter(endpoint, pair))
        expect([pair, status === 400]).toEqual([pair, REFUSED_VALUES.includes(pair)])
      }
      for (const text of badTexts(schema)) {
        const answer = await run(endpoint, withParameter(endpoint, `${name}=${text}`))
        expect([text, answer.status]).toEqual([text, 400])
        expect([text, codeOf(answer)]).toEqual([text, expect.stringMatching(/^bad_|^a problem$/)])
      }
    },
  )

  if (isStrict(endpoint)) {
    test('refuses an unknown parameter, and one that is given twice', async () => {
      const unknown = await run(endpoint, withParameter(endpoint, 'nonsense=1'))
      expect(codeOf(unknown)).toBe(expected('bad_parameter'))
      for (const { name, schema } of query) {
        const [good = ''] = goodTexts(schema)
        const twice = withParameter(endpoint, `${name}=${good}&${name}=${good}`)
        expect(codeOf(await run(endpoint, twice))).toBe(expected('bad_parameter'))
      }
    })
  } else {
    test('ignores its query', async () => {
      const { status } = await run(endpoint)
      expect((await run(endpoint, withParameter(endpoint, 'nonsense=1'))).status).toBe(status)
    })
  }

  test.each(pathParameters.map((parameter) => [parameter.name, parameter.schema] as const))(
    'refuses a bad {%s} in its path',
    async (name, schema) => {
      const refusals = ['bad_bucket', 'bad_key', 'path_unknown', 'bad_request', 'a problem']
      const [start = '', end = ''] = path
        .replaceAll(/\{(\w+)\}/g, (whole, other: string) => (other === name ? whole : 'default'))
        .split(`{${name}}`)
      for (const text of badTexts(schema)) {
        // An empty segment makes another path.
        if (text === '' && end !== '') continue
        const answer = await run(endpoint, `${start}${text}${end}`)
        expect([text, codeOf(answer)]).toEqual([text, expect.toBeOneOf(refusals)])
      }
    },
  )

  test('refuses another method with 405, and names those of the document', async () => {
    const methods = ENDPOINTS.filter((other) => other.path === path).map((other) => other.method)
    const allowed = new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : [])])
    const answer = await cluster.request(0, endpoint.example.target, { method: 'PATCH' })
    expect([answer.status, codeOf(answer)]).toEqual([405, 'method_not_allowed'])
    expect(answer.headers['allow']).toBe([...allowed].sort().join(', '))
  })

  test('refuses a host that is not served', async () => {
    const answer = await run(endpoint, undefined, { headers: { host: 'elsewhere.example' } })
    expect(codeOf(answer)).toBe(expected('host_not_allowed'))
  })

  if (!['GET', 'HEAD'].includes(method)) {
    test('refuses foreign pages, and parts of values', async () => {
      const foreign = await run(endpoint, undefined, {
        headers: { origin: 'https://elsewhere.example' },
      })
      expect(codeOf(foreign)).toBe('cross_origin')
      const part = await run(endpoint, undefined, { headers: { 'content-range': 'bytes 0-1/2' } })
      expect(codeOf(part)).toBe('partial_write')
    })
  }

  if (body !== undefined) {
    test('refuses a body that is too large', async () => {
      const large = Buffer.alloc((body.bytesMax ?? 1_048_576) + 1, ' ')
      expect(codeOf(await run(endpoint, undefined, { body: large }))).toBe('value_too_large')
    })
  }

  if (body?.schema !== undefined) {
    test('refuses a body that is not the JSON that it takes', async () => {
      const texts = ['{', '[]', '1', 'null', '"text"', '{"nonsense":1}']
      for (const text of texts) {
        const answer = await run(endpoint, undefined, { body: text })
        expect([text, codeOf(answer)]).toEqual([
          text,
          expect.toBeOneOf(['bad_request', 'bad_parameter']),
        ])
      }
      const xml = { headers: { 'content-type': 'text/xml' } }
      expect(codeOf(await run(endpoint, undefined, xml))).toBe('unsupported_media_type')
    })
  }
})

test('endpoints: a path that is in no endpoint is 404', async () => {
  for (const path of ['/v1', '/v1/', '/v2/kv/default/k', '/openapi', '/docs/', '/v1/buckets/a/b']) {
    expect([path, codeOf(await cluster.request(0, path))]).toEqual([path, 'path_unknown'])
  }
})
