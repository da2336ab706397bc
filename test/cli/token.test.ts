/** Tokens on the command line, against a real node that asks for them: those of docker/access.md. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GuardedCluster, ROOT_TOKEN, startGuarded } from '../api/gate/guarded-cluster.ts'
import { type CliEnded, type CliOptions, quorate } from './cli-run.ts'

let cluster: GuardedCluster
let endpoints: readonly string[]

beforeAll(async () => {
  cluster = await startGuarded(1)
  endpoints = cluster.nodes.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
})

afterAll(() => cluster.stop())

const ROOT: CliOptions = { env: { QUORATE_TOKEN: ROOT_TOKEN } }

function run(line: string, options: CliOptions = {}): Promise<CliEnded> {
  return quorate(`${line} --timeout 30s`, { endpoints, ...options })
}

test('a token is made, used, listed and revoked', async () => {
  const made = await run('token create web --grant default/eu/=read+write --ttl 720h', ROOT)
  expect(made.code).toBe(0)
  expect(made.printed).toMatch(/^quorate_[\w-]{43}\n$/)
  expect(made.complained).toMatch(/^This is the token web\. .* It expires at 20.*\.\n$/)
  const env = { QUORATE_TOKEN: made.printed.trim() }
  expect((await run('put default eu/k hello', { env })).code).toBe(0)
  expect((await run('get default eu/k', { env })).printed).toBe('hello')
  expect((await run('list default --prefix eu/', { env })).printed).toContain('eu/k')

  const outside = await run('get default us/k', { env })
  expect(outside.code).toBe(1)
  expect(outside.complained).toContain('read over the key')
  expect(outside.complained).toContain('code forbidden, outcome rejected')

  const listed = await run('token list', { ...ROOT, terminal: 120 })
  expect(listed.printed).toMatch(/^token +state +expires +grants\n/)
  expect(listed.printed).toMatch(/^web +valid +20\S+ +default\/eu\/=read\+write$/m)
  expect(listed.printed).not.toContain(made.printed.trim())

  expect((await run('token revoke web', ROOT)).printed).toBe('The token web is revoked.\n')
  const revoked = await run('get default eu/k', { env })
  expect(revoked.code).toBe(1)
  expect(revoked.complained).toContain('--token-file')
  expect((await run('token revoke web', ROOT)).code).toBe(3)
  expect((await run('token list', ROOT)).printed).toBe('There are no tokens.\n')
})

test('a token comes from a file, which goes before the variable', async () => {
  const files = { root: Buffer.from(`${ROOT_TOKEN}\n`), wrong: Buffer.from('two tokens') }
  const env = { QUORATE_TOKEN: 'wrong' }
  expect((await run('status --token-file root', { files, env })).code).toBe(0)
  expect((await run('status', { files, env })).code).not.toBe(0)
  const bad = await run('get default k --token-file wrong', { files })
  expect([bad.code, bad.complained]).toEqual([2, expect.stringContaining('must be one token')])
  expect(bad.complained).not.toContain('two tokens')
})

test('JSON has the whole answer', async () => {
  const { printed } = await run(
    'token create json --grant *=read,logs=write --rate 50 --json',
    ROOT,
  )
  expect(JSON.parse(printed)).toMatchObject({
    name: 'json',
    token: expect.stringMatching(/^quorate_/),
    grants: [
      { bucket: '*', prefix: '', rights: ['read'] },
      { bucket: 'logs', prefix: '', rights: ['write'] },
    ],
    expiresAt: null,
    requestsPerSecond: 50,
    state: 'valid',
  })
  const { tokens } = JSON.parse((await run('token list --json', ROOT)).printed) as {
    tokens: object[]
  }
  expect(tokens).toMatchObject([{ name: 'json' }])
  const revoked = await run('token revoke json --json', ROOT)
  expect(JSON.parse(revoked.printed)).toEqual({ name: 'json', revoked: true })
})

test.each([
  ['token create', 'create needs NAME'],
  ['token create A --grant a=read', 'the name of a token'],
  ['token create a', 'create needs --grant'],
  ['token create a --grant a', '--grant a: must be'],
  ['token create a --grant a=own', 'the rights are read, write, admin'],
  ['token list --grant a=read', 'list takes no --grant'],
  ['token revoke a --rate 5', 'revoke takes no --rate'],
  ['token create a --grant a=read --rate 0', '--rate'],
  ['token drop a', 'there is no command drop'],
])('%s is refused', async (line, words) => {
  const { code, complained } = await run(line, ROOT)
  expect([code, complained]).toEqual([2, expect.stringContaining(words)])
})

test('a backup needs the token, too', async () => {
  const saved = {}
  expect((await run('backup all.backup --covers quorum', { ...ROOT, saved })).code).toBe(0)
  expect((await run('backup all.backup --covers quorum', { saved })).code).toBe(1)
})
