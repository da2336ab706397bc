/** The life of tokens in a cluster of three: made, shown once, known everywhere, expired, revoked, kept by a restart. */
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOfText, newTokenText } from '../../../src/api/access/token-text.ts'
import { startCluster } from '../test-cluster.ts'
import { codeOf, type GuardedCluster, ROOT_TOKEN, startGuarded } from './guarded-cluster.ts'

const TOKENS = '/v1/access/tokens'
const GRANTS = [{ bucket: 'default', prefix: 'eu/', rights: ['read', 'write'] }] as const

let cluster: GuardedCluster

beforeAll(async () => {
  cluster = await startGuarded(3)
})

afterAll(() => cluster.stop())

const make = (name: string, more: object = {}): ReturnType<GuardedCluster['ask']> =>
  cluster.ask(ROOT_TOKEN, TOKENS, {
    method: 'POST',
    body: JSON.stringify({ name, grants: GRANTS, ...more }),
  })

const statusesOf = async (token: string): Promise<number[]> =>
  Promise.all(
    [0, 1, 2].map(
      async (node) => (await cluster.ask(token, '/v1/kv/default/eu/k', { node })).status,
    ),
  )

test('a token is shown once, and every node takes it', async () => {
  const made = await make('web', { ttlSeconds: 3600 })
  expect(made.status).toBe(201)
  expect(made.headers['location']).toBe(`${TOKENS}/web`)
  expect(made.headers['cache-control']).toBe('no-store')
  const { token, ...info } = JSON.parse(made.text) as { token: string; expiresAt: string }
  expect(token).toMatch(/^quorate_[\w-]{43}$/)
  expect(info).toMatchObject({ name: 'web', grants: GRANTS, state: 'valid' })
  expect(await statusesOf(token)).toEqual([404, 404, 404])

  const listed = await cluster.ask(ROOT_TOKEN, TOKENS, { node: 2 })
  expect(JSON.parse(listed.text)).toEqual({ tokens: [info] })
  expect(listed.text).not.toContain(token)
  expect(listed.text).not.toContain(hashOfText(token))
})

test('a write is refused if its token is revoked while its body comes', async () => {
  const token = await cluster.token('slow', ...GRANTS)
  const port = cluster.nodes[0]?.clientPort
  const put = request(`http://127.0.0.1:${port}/v1/kv/default/eu/slow`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, expect: '100-continue' },
  })
  const continued = once(put, 'continue')
  put.flushHeaders()
  await continued
  put.write('begin')
  await cluster.ask(ROOT_TOKEN, `${TOKENS}/slow`, { method: 'DELETE' })
  const answered = once(put, 'response')
  put.end('end')
  const [response] = (await answered) as [IncomingMessage]
  response.resume()
  expect(response.statusCode).toBe(401)
  expect((await cluster.ask(ROOT_TOKEN, '/v1/kv/default/eu/slow')).status).toBe(404)
})

test('a name is taken until its token is revoked', async () => {
  expect((await make('twice')).status).toBe(201)
  expect(codeOf(await make('twice'))).toBe('token_exists')
  const path = `${TOKENS}/twice`
  expect((await cluster.ask(ROOT_TOKEN, path, { method: 'DELETE', node: 1 })).status).toBe(204)
  expect(codeOf(await cluster.ask(ROOT_TOKEN, path, { method: 'DELETE' }))).toBe('token_unknown')
  expect((await make('twice')).status).toBe(201)
})

test('a revocation reaches every node before it is answered', async () => {
  const token = await cluster.token('gone', ...GRANTS)
  expect(await statusesOf(token)).toEqual([404, 404, 404])
  const path = `${TOKENS}/gone`
  expect((await cluster.ask(ROOT_TOKEN, path, { method: 'DELETE', node: 2 })).status).toBe(204)
  expect(await statusesOf(token)).toEqual([401, 401, 401])
})

test('an expired token is refused, listed as such, and leaves with the next one', async () => {
  const text = newTokenText()
  const service = cluster.nodes[0]?.service
  const createdMs = Math.floor(service?.nowMs() ?? 0) - 2000
  const token = { name: 'old', hash: hashOfText(text), grants: GRANTS, createdMs }
  await service?.createToken({ ...token, expiresMs: createdMs + 1000 }, 10_000)
  expect(await statusesOf(text)).toEqual([401, 401, 401])
  const old = async (): Promise<unknown> => {
    const { tokens } = JSON.parse((await cluster.ask(ROOT_TOKEN, TOKENS)).text) as {
      tokens: { name: string }[]
    }
    return tokens.find(({ name }) => name === 'old')
  }
  expect(await old()).toMatchObject({ state: 'expired' })
  expect((await make('next')).status).toBe(201)
  expect(await old()).toBeUndefined()
})

test('a watch ends when its token is revoked, and tells nothing that happens after', async () => {
  const token = await cluster.token('watcher', ...GRANTS)
  const port = cluster.nodes[0]?.clientPort
  const response = await fetch(`http://127.0.0.1:${port}/v1/watch/default?prefix=eu/`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let told = ''
  const until = async (isIt: () => boolean): Promise<void> => {
    while (!isIt()) {
      const { done, value } = await reader.read()
      if (done) return
      told += Buffer.from(value).toString()
    }
  }
  const put = (key: string): Promise<unknown> =>
    cluster.ask(ROOT_TOKEN, `/v1/kv/default/${key}`, { method: 'PUT', body: 'x' })
  await until(() => told.includes('heartbeat'))
  await put('eu/before')
  await until(() => told.includes('eu/before'))
  await cluster.ask(ROOT_TOKEN, `${TOKENS}/watcher`, { method: 'DELETE' })
  await put('eu/after')
  await until(() => false)
  expect(told).not.toContain('eu/after')
})

test('tokens are on the disk as hashes only, and a restart keeps them', async () => {
  const token = await cluster.token('kept', ...GRANTS)
  await cluster.nodes[1]?.stop()
  const directory = cluster.dataDirs[1] as string
  const files = await readdir(directory, { recursive: true, withFileTypes: true })
  const contents = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
  )
  expect(contents.some((content) => content.includes(hashOfText(token)))).toBe(true)
  for (const secret of [token, ROOT_TOKEN, hashOfText(ROOT_TOKEN)]) {
    expect(contents.some((content) => content.includes(secret))).toBe(false)
  }
  await cluster.restart(1)
  expect(await statusesOf(token)).toEqual([404, 404, 404])
})

test.each([
  [{}, 'name must be'],
  [{ name: 'A', grants: GRANTS }, 'name must be'],
  [{ name: 'root', grants: GRANTS }, 'QUORATE_ROOT_TOKEN_FILE'],
  [{ name: 'a' }, 'grants must be'],
  [{ name: 'a', grants: [] }, 'grants must be'],
  [{ name: 'a', grants: Array.from({ length: 17 }, () => GRANTS[0]) }, 'grants must be'],
  [{ name: 'a', grants: ['carts'] }, 'grants[0] must be an object'],
  [{ name: 'a', grants: [{ bucket: 'a*b', rights: ['read'] }] }, 'grants[0].bucket'],
  [{ name: 'a', grants: [{ bucket: 'a' }] }, 'grants[0].rights'],
  [{ name: 'a', grants: [{ bucket: 'a', rights: [] }] }, 'grants[0].rights'],
  [{ name: 'a', grants: [{ bucket: 'a', rights: ['read', 'read'] }] }, 'grants[0].rights'],
  [{ name: 'a', grants: [{ bucket: 'a', rights: ['own'] }] }, 'grants[0].rights'],
  [{ name: 'a', grants: [{ bucket: 'a', rights: 'read' }] }, 'grants[0].rights'],
  [{ name: 'a', grants: [{ bucket: 'a', rights: ['read'], key: 'x' }] }, 'no member \\"key\\"'],
  [{ name: 'a', grants: [{ bucket: 'a', prefix: '\ud800', rights: ['read'] }] }, 'well-formed'],
  [
    { name: 'a', grants: [{ bucket: 'a', prefix: 'é'.repeat(257), rights: ['read'] }] },
    '514 bytes',
  ],
  [{ name: 'a', grants: GRANTS, ttlSeconds: 0 }, 'ttlSeconds must be'],
  [{ name: 'a', grants: GRANTS, ttlSeconds: 1.5 }, 'ttlSeconds must be'],
  [{ name: 'a', grants: GRANTS, ttlSeconds: '1' }, 'ttlSeconds must be'],
  [{ name: 'a', grants: GRANTS, token: 'x' }, 'no member \\"token\\"'],
])('a bad request for a token is refused: %j', async (body, words) => {
  const answer = await cluster.ask(ROOT_TOKEN, TOKENS, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  expect(codeOf(answer)).toBe('bad_parameter')
  expect(answer.text).toContain(words)
})

test('an open node makes and shows no tokens, and says where to ask', async () => {
  const open = await startCluster(1)
  try {
    const body = JSON.stringify({ name: 'a', grants: GRANTS })
    for (const answer of [
      await open.request(0, TOKENS, { method: 'POST', body }),
      await open.request(0, TOKENS),
      await open.request(0, `${TOKENS}/a`, { method: 'DELETE' }),
    ]) {
      expect(codeOf(answer)).toBe('forbidden')
      expect(answer.text).toContain('QUORATE_AUTH=on')
    }
    // It listens on a loopback address, so no stranger reaches it.
    expect(JSON.parse((await open.request(0, '/v1/cluster')).text)).toMatchObject({
      openToStrangers: false,
    })
  } finally {
    await open.stop()
  }
})
