/**
 * Ten thousand requests of strangers, of clients with expired or revoked tokens, and of clients without the right. Each
 * is sent twice: for a key or bucket that is there, and for one that is not. Both answers must be the same in all their
 * parts, and nothing may change.
 */
import { connect } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { Pool } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOfText, newTokenText } from '../../../src/api/access/token-text.ts'
import { ENDPOINTS } from '../../../src/api/endpoints.ts'
import { RIGHTS } from '../../../src/core/access/grant.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { codeOf, type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

const PAIRS = 5000
const AT_ONCE = 16
/** Of the same length, so that every length in an answer is the same. */
const THERE = { bucket: 'secrets', key: 'us/there' }
const ABSENT = { bucket: 'nowhere', key: 'us/where' }

interface Request {
  readonly method: string
  readonly target: string
  readonly headers: Record<string, string>
  readonly body: string | undefined
}

let cluster: GuardedCluster
let pool: Pool
const tokens: (string | undefined)[] = [undefined, 'wrong', newTokenText(), `${ROOT_TOKEN}0`]
/** Valid, for another place. */
const narrow: string[] = []

beforeAll(async () => {
  cluster = await startGuarded(1)
  pool = new Pool(`http://127.0.0.1:${cluster.nodes[0]?.clientPort}`, { connections: AT_ONCE })
  const asked = { method: 'PUT', body: '{"mode":"siblings"}' }
  expect((await cluster.ask(ROOT_TOKEN, `/v1/buckets/${THERE.bucket}`, asked)).status).toBe(201)
  const put = { method: 'PUT', body: 'a secret value' }
  for (const key of [THERE.key, 'eu/there', 'u']) {
    await cluster.ask(ROOT_TOKEN, `/v1/kv/${THERE.bucket}/${key}`, put)
    await cluster.ask(ROOT_TOKEN, `/v1/kv/default/${key}`, put)
  }
  const grant = { bucket: '*', prefix: '', rights: RIGHTS }
  tokens.push(await cluster.token('revoked', grant))
  await cluster.ask(ROOT_TOKEN, '/v1/access/tokens/revoked', { method: 'DELETE' })
  const expired = newTokenText()
  tokens.push(expired)
  const times = { createdMs: 0, expiresMs: Date.now() - 1 }
  const stored = { name: 'expired', hash: hashOfText(expired), grants: [grant], ...times }
  await cluster.nodes[0]?.service.createToken(stored, 10_000)
  narrow.push(
    await cluster.token('eu', { bucket: 'default', prefix: 'eu/only/', rights: RIGHTS }),
    await cluster.token('other', { bucket: 'other*', prefix: '', rights: RIGHTS }),
    await cluster.token('us', { bucket: 'default', prefix: 'us/x', rights: RIGHTS }),
  )
  tokens.push(...narrow)
})

afterAll(async () => {
  await pool.close()
  await cluster.stop()
})

test('no stranger gets in, changes anything, or is told whether a key exists', async () => {
  const random = new SeededRandom('strangers')
  const before = await everything()
  const wrong: string[] = []
  const codes = new Map<number, number>()
  let next = 0
  const run = async (): Promise<void> => {
    while (next < PAIRS) {
      const number = next++
      const own = random.child(`request ${number}`)
      const build = requestOf(own)
      const token = pick(own, tokens)
      // The same choices, for both places.
      const [there, absent] = [await send(build(THERE), token), await send(build(ABSENT), token)]
      codes.set(there.status, (codes.get(there.status) ?? 0) + 1)
      const { method, target } = build(THERE)
      const words = `${number}: ${method} ${target}`
      if (there.text !== absent.text) wrong.push(`${words}\n${there.text}\n${absent.text}`)
      if (there.status < 400 && !mayPass(method, target, token)) wrong.push(`${words} got in`)
      if (there.status >= 500) wrong.push(`${words}: ${there.text}`)
      if (there.text.includes('a secret value')) wrong.push(`${words} was shown a value`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
  expect(wrong.slice(0, 3)).toEqual([])
  expect(await everything()).toEqual(before)
  expect((await cluster.ask(undefined, '/livez')).status).toBe(200)
  // The requests were not all refused for the same plain reason.
  for (const status of [200, 400, 401, 403, 404, 405]) {
    expect([status, codes.get(status) ?? 0]).toEqual([status, expect.any(Number)])
    expect(codes.get(status) ?? 0).toBeGreaterThan(10)
  }
})

/** All keys with their versions, all buckets, and the names of all tokens. */
async function everything(): Promise<string> {
  const texts = []
  for (const path of ['/v1/buckets', '/v1/keys/default', `/v1/keys/${THERE.bucket}`]) {
    texts.push((await cluster.ask(ROOT_TOKEN, path)).text)
  }
  const { text } = await cluster.ask(ROOT_TOKEN, '/v1/access/tokens')
  const { tokens: known } = JSON.parse(text) as { tokens: { name: string }[] }
  return [...texts, ...known.map(({ name }) => name)].join('\n')
}

/** What an answer below 400 may be for: nothing of keys, and of buckets only what a grant covers. */
function mayPass(method: string, target: string, token: string | undefined): boolean {
  const [path = ''] = target.split('?')
  const open = ENDPOINTS.filter(({ access }) => access.needs === 'nothing')
  if (open.some((endpoint) => patternOf(endpoint.path).test(path))) return true
  if (token === undefined || !narrow.includes(token)) return false
  // A batch without operations, and the lists of what a grant covers.
  const isRead = method === 'GET' || method === 'HEAD'
  return path === '/v1/batch' || (isRead && /^\/v1\/buckets(?:\/|$)/.test(path))
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', String.raw`\.`).replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`)
}

async function send(
  { method, target, headers, body }: Request,
  token: string | undefined,
): Promise<{ status: number; text: string }> {
  const answer = await pool.request({
    path: target,
    method: method as 'GET',
    headers: {
      ...headers,
      'x-request-id': 'same',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body }),
  })
  const { date: _, ...told } = answer.headers
  const isStream = String(told['content-type']).includes('event-stream')
  const text = isStream ? 'a stream' : await answer.body.text()
  if (isStream) answer.body.destroy()
  // Metrics change with each request.
  const isSteady = !target.startsWith('/metrics')
  const all = [answer.statusCode, ...(isSteady ? [JSON.stringify(told), text] : [])].join('\n')
  const names = [THERE.bucket, ABSENT.bucket].join('|')
  const keys = [THERE.key, ABSENT.key].join('|')
  return {
    status: answer.statusCode,
    text: all.replaceAll(new RegExp(names, 'g'), 'BUCKET').replaceAll(new RegExp(keys, 'g'), 'KEY'),
  }
}

/** A request as a function of its place. The random choices are made once. */
function requestOf(random: SeededRandom): (place: typeof THERE) => Request {
  const endpoint = pick(random, ENDPOINTS)
  const isFixed = random.below(4) === 0
  const method = pick(random, [endpoint.method, endpoint.method, 'GET', 'PUT', 'DELETE', 'PATCH'])
  const spelling = pick(random, SPELLINGS)
  const bucketSpelling = pick(random, BUCKET_SPELLINGS)
  const query = random.below(2) === 0 ? '' : `?${pick(random, QUERIES)}`
  const headers = pick(random, HEADERS)
  const body = pick(random, BODIES)
  const hasBucket = random.below(3) === 0
  return (place) => {
    const bucket = bucketSpelling(hasBucket ? place.bucket : 'default')
    const key = spelling(hasBucket ? 'any' : place.key)
    const path = isFixed
      ? endpoint.path.replace('{bucket}', bucket).replace('{key}', key)
      : `/v1/kv/${bucket}/${key}`
    const target = path.replaceAll(/\{[a-z]+\}/g, 'one') + query.replaceAll('KEY', place.key)
    const text = body?.replaceAll('KEY', hasBucket ? 'any' : place.key)
    return {
      method,
      target,
      headers,
      body: method === 'GET' || method === 'HEAD' ? undefined : text?.replaceAll('BUCKET', bucket),
    }
  }
}

const SPELLINGS: readonly ((key: string) => string)[] = [
  (key) => key,
  (key) => encodeURIComponent(key),
  (key) => `eu/../${key}`,
  (key) => `eu%2F..%2F${key}`,
  (key) => `${key}/`,
  (key) => `/${key}`,
  (key) => `./${key}`,
  (key) => `${key}%00`,
  (key) => `${key}%`,
  (key) => `${key}%C0%AF`,
  (key) => key.replace('u', '%75'),
  (key) => key.replace('/', '//'),
  (key) => `${key};eu/`,
  () => '',
]
const BUCKET_SPELLINGS: readonly ((bucket: string) => string)[] = [
  (bucket) => bucket,
  (bucket) => bucket,
  (bucket) => bucket,
  (bucket) => bucket.toUpperCase(),
  (bucket) => `other/../${bucket}`,
  (bucket) => `%2e%2e/${bucket}`,
  (bucket) => `${bucket}~1`,
  () => '*',
]
const QUERIES: readonly string[] = [
  'consistency=strong',
  'consistency=causal',
  'prefix=',
  'prefix=KEY',
  'prefix=u',
  'prefix=eu/&after=KEY',
  'prefix=eu/&prefix=',
  'prefix=eu%2F..%2FKEY',
  'token=x',
  'access_token=x',
  'bucket=secrets&key=KEY',
  'since=0&prefix=KEY',
  'force=true',
  'trace=true',
  'timeout=1',
  '%',
]
const HEADERS: readonly Record<string, string>[] = [
  {},
  {},
  { 'if-match': '"0000000000000000"' },
  { 'if-none-match': '*' },
  { 'quorate-context': 'none' },
  { 'quorate-session': 'AQ' },
  { 'last-event-id': '0' },
  { 'idempotency-key': 'k' },
  { cookie: `token=${ROOT_TOKEN}` },
  { 'x-forwarded-for': '127.0.0.1' },
  { 'proxy-authorization': `Bearer ${ROOT_TOKEN}` },
  { 'content-type': 'application/json' },
]
const BODIES: readonly (string | undefined)[] = [
  undefined,
  'x',
  '{',
  '{}',
  '{"operations":[]}',
  '{"operations":[{"op":"get","bucket":"default","key":"KEY"}]}',
  '{"operations":[{"op":"put","bucket":"BUCKET","key":"KEY","value":"x"}]}',
  '{"operations":[{"op":"get","bucket":"default","key":"eu/x"},{"op":"delete","bucket":"default","key":"KEY"}]}',
  '{"name":"mine","grants":[{"bucket":"*","rights":["read","write","admin"]}]}',
  '{"leave":"n1"}',
  '{"mode":"lww"}',
]

function pick<T>(random: SeededRandom, choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T
}

test('the refusals tell which token lacks which right, and nothing else', async () => {
  const [token = ''] = narrow
  for (const { bucket, key } of [THERE, ABSENT]) {
    const answer = await cluster.ask(token, `/v1/kv/${bucket}/${key}`)
    expect(codeOf(answer)).toBe('forbidden')
    expect((JSON.parse(answer.text) as { detail: string }).detail).toBe(
      'The token eu does not give the right that this request needs: read over the key.',
    )
  }
})

/** The answers to requests that are sent in one piece on one connection, as their status lines. */
async function pipelined(...requests: readonly string[]): Promise<number[]> {
  const port = cluster.nodes[0]?.clientPort ?? 0
  const socket = connect(port, '127.0.0.1')
  const texts = requests.map((text, i) => {
    const end = i === requests.length - 1 ? 'Connection: close\r\n' : ''
    return text.replace('\r\n', `\r\nHost: localhost\r\n${end}`)
  })
  socket.write(texts.join(''))
  let answer = ''
  for await (const bytes of socket) answer += String(bytes)
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
}

const authorized = (token: string): string => `Authorization: Bearer ${token}\r\n`

test('a request on the connection of another one is a stranger without a token of its own', async () => {
  const get = (key: string, head = ''): string =>
    `GET /v1/kv/default/${key} HTTP/1.1\r\n${head}\r\n`
  const put = (key: string, head = ''): string =>
    `PUT /v1/kv/default/${key} HTTP/1.1\r\n${head}Content-Length: 1\r\n\r\nx`
  const root = authorized(ROOT_TOKEN)
  for (const key of [THERE.key, 'us/none']) {
    const status = key === THERE.key ? 200 : 404
    expect(
      await pipelined(get(key, root), get(key), get(key, root), get(key, authorized('wrong'))),
    ).toEqual([status, 401, status, 401])
    const written = `${key}-written`
    expect(
      await pipelined(put(`${written}/1`, root), put(`${written}/2`), get(`${written}/2`, root)),
    ).toEqual([204, 401, 404])
  }
})

test('a request behind the one that revokes its token does not get in', async () => {
  const token = await cluster.token('pipelined', { bucket: '*', prefix: '', rights: RIGHTS })
  const root = authorized(ROOT_TOKEN)
  const use = `GET /v1/kv/default/${THERE.key} HTTP/1.1\r\n${authorized(token)}\r\n`
  const write = `PUT /v1/kv/default/late HTTP/1.1\r\n${authorized(token)}Content-Length: 1\r\n\r\nx`
  const revoke = `DELETE /v1/access/tokens/pipelined HTTP/1.1\r\n${root}\r\n`
  expect(await pipelined(use, revoke, use, write)).toEqual([200, 204, 401, 401])
  expect((await cluster.ask(ROOT_TOKEN, '/v1/kv/default/late')).status).toBe(404)
})

/** What a request adds to the counters of the node. */
async function counted(act: () => Promise<unknown>): Promise<Record<string, number>> {
  const read = async (): Promise<ReadonlyMap<string, number>> => {
    const { text } = await cluster.ask(ROOT_TOKEN, '/metrics')
    const lines = text.matchAll(/^(quorate_\w+(?:_total|_count)(?:\{.*\})?) (\S+)$/gm)
    return new Map([...lines].map(([, series = '', value]) => [series, Number(value)]))
  }
  const before = await read()
  await act()
  const added = [...(await read())].map(
    ([series, value]) => [series, value - (before.get(series) ?? 0)] as const,
  )
  return Object.fromEntries(added.filter(([, more]) => more > 0))
}

test('the counters grow alike, whether a key exists or not', async () => {
  const [eu = ''] = narrow
  for (const token of [undefined, 'wrong', eu]) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { body: 'x' } : {}
      const grown = ({ bucket, key }: typeof THERE): Promise<Record<string, number>> =>
        counted(() => cluster.ask(token, `/v1/kv/${bucket}/${key}`, { method, ...body }))
      // The node counts work of its own, too, so one pair may differ by chance.
      const difference = async (): Promise<unknown> => {
        const both = [await grown(THERE), await grown(ABSENT)]
        return isDeepStrictEqual(both[0], both[1]) ? 'none' : both
      }
      await expect.poll(difference).toBe('none')
      expect(Object.keys(await grown(THERE)).join()).toContain('access_refusals_total')
    }
  }
})
