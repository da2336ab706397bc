/** The program of one node as a process: how it starts, how it refuses to, how it ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../../src/local-cluster/address-plan.ts'
import { describeSettings } from '../../src/server/settings/setting-table.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let directory: string
const children: ChildProcess[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-main-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await rm(directory, { recursive: true })
})

function start(env: Record<string, string>, args: string[] = []): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  children.push(child)
  return child
}

function settings(peerPort: number, more: Record<string, string> = {}): Record<string, string> {
  return {
    QUORATE_NODE_ID: 'n1',
    QUORATE_MEMBERS: `n1=http://127.0.0.1:${peerPort}`,
    QUORATE_DATA_DIR: directory,
    QUORATE_LISTEN: '127.0.0.1:0',
    QUORATE_PEER_LISTEN: `127.0.0.1:${peerPort}`,
    ...more,
  }
}

/** A port that is taken until the server is closed. */
async function takePort(): Promise<{ server: Server; port: number }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

async function ended(
  child: ChildProcess,
): Promise<{ code: number | null; error: string; output: string }> {
  let error = ''
  let output = ''
  child.stderr?.on('data', (data) => (error += String(data)))
  child.stdout?.on('data', (data) => (output += String(data)))
  // Whoever read lines of it before has paused it.
  child.stdout?.resume()
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, error, output }
}

interface LogLine {
  readonly msg: string
  readonly clientPort: number
  readonly actor: string
}

/** The lines of the log up to the first with that message. */
async function logUntil(child: ChildProcess, message: string): Promise<LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    lines.push(JSON.parse(line) as LogLine)
    if (lines.at(-1)?.msg === message) return lines
  }
  throw new Error(`the process ended before it logged ${message}`)
}

test('process: --help prints the settings and ends', async () => {
  expect(await ended(start({}, ['--help']))).toEqual({
    code: 0,
    error: '',
    output: describeSettings(),
  })
})

test.each([
  [{ QUORATE_DURABILITY: 'never' }, [], 'QUORATE_DURABILITY="never": must be one of sync, os'],
  [{ QUORATE_NODE_ID: '' }, [], 'QUORATE_NODE_ID is not set'],
  [{}, ['--port=1'], '--port=1'],
  [
    { QUORATE_TLS_CERT: '/nowhere/cert.pem', QUORATE_TLS_KEY: '/nowhere/key.pem' },
    [],
    'QUORATE_TLS_CERT=/nowhere/cert.pem: ENOENT',
  ],
])('process: a bad setting ends the start with one line: %j %j', async (env, args, words) => {
  const { code, error, output } = await ended(start(settings(7080, env), args))
  expect([code, output]).toEqual([2, ''])
  expect(error).toContain(words)
  expect(error).toMatch(/^quorate: [^\n]+\n$/)
})

test.each(['QUORATE_LISTEN', 'QUORATE_PEER_LISTEN'])(
  'process: a port that is taken at %s ends it with one line',
  async (name) => {
    const { server, port } = await takePort()
    const env = settings(await freePort(), {
      [name]: `127.0.0.1:${port}`,
      QUORATE_LOG_LEVEL: 'silent',
    })
    const { code, error } = await ended(start(env))
    server.close()
    expect(code).toBe(1)
    expect(error).toMatch(new RegExp(`^quorate: n1 cannot start: ${name}: [^\\n]*${port}\\n$`))
  },
)

function joining(id: string, seedPort: number): Record<string, string> {
  return settings(0, {
    QUORATE_NODE_ID: id,
    QUORATE_MEMBERS: '',
    QUORATE_JOIN: `http://127.0.0.1:${seedPort}`,
    QUORATE_PEER_URL: 'http://127.0.0.1:1',
    QUORATE_DATA_DIR: join(directory, 'joining'),
  })
}

test('process: a node that the cluster refuses ends with one line', async () => {
  const peerPort = await freePort()
  await logUntil(start(settings(peerPort)), 'ready')
  const { code, error } = await ended(start(joining('n1', peerPort)))
  expect(code).toBe(4)
  expect(error).toMatch(/^quorate: n1 cannot start: http:[^\n]+ n1 is a member already[^\n]+\n$/)
})

test('process: SIGTERM ends a node that waits to be let into a cluster', async () => {
  const child = start(joining('n6', await freePort()))
  await logUntil(child, 'not admitted to the cluster yet: asking again')
  child.kill('SIGTERM')
  expect((await ended(child)).code).toBe(0)
})

test('process: SIGTERM ends a new node that waits for a majority of the members', async () => {
  const members = [1, 2, 3].map(async (n) => `n${n}=http://127.0.0.1:${await freePort()}`)
  const child = start(
    settings(await freePort(), { QUORATE_MEMBERS: (await Promise.all(members)).join(',') }),
  )
  await logUntil(
    child,
    'the data directory is new: waiting for a majority of the members to say whether there was one before',
  )
  child.kill('SIGTERM')
  expect((await ended(child)).code).toBe(0)
})

test('process: SIGTERM ends it cleanly, and the next start goes on where it was', async () => {
  const env = settings(await freePort())
  const first = start(env)
  const begun = await logUntil(first, 'ready')
  const { clientPort } = begun.at(-1) as LogLine
  const url = `http://127.0.0.1:${clientPort}/v1/kv/default/k`
  const written = await request(url, { method: 'PUT', body: 'kept' })
  expect(written.statusCode).toBe(204)
  await written.body.dump()
  first.kill('SIGTERM')
  expect((await ended(first)).code).toBe(0)

  const second = start(env)
  const lines = await logUntil(second, 'ready')
  const actorIn = (log: LogLine[]): string | undefined =>
    log.find(({ msg }) => msg === 'node is up')?.actor
  // No process goes on under the incarnation of another: the directory may be an older copy of itself.
  expect(actorIn(lines)).not.toBe(actorIn(begun))
  const port = lines.at(-1)?.clientPort
  const read = await request(`http://127.0.0.1:${port}/v1/kv/default/k`)
  expect([read.statusCode, await read.body.text()]).toEqual([200, 'kept'])
})

test('process: requests that are under way when SIGTERM comes are answered', async () => {
  const child = start(settings(await freePort()))
  const { clientPort } = (await logUntil(child, 'ready')).at(-1) as LogLine
  // Twenty bodies whose last byte is held back until the signal has been sent.
  const held = Promise.withResolvers<undefined>()
  const statuses = Array.from({ length: 20 }, async (_, i) => {
    async function* bytes() {
      yield 'almost al'
      await held.promise
      yield 'l'
    }
    const url = `http://127.0.0.1:${clientPort}/v1/kv/default/${i}`
    const { statusCode, body } = await request(url, { method: 'PUT', body: Readable.from(bytes()) })
    await body.dump()
    return statusCode
  })
  const metrics = async (): Promise<string> =>
    (await request(`http://127.0.0.1:${clientPort}/metrics`)).body.text()
  await expect
    .poll(metrics)
    .toMatch(/nodejs_active_resources\{type="TCPSocketWrap"\} (2[1-9]|[3-9]\d)/)
  const stopping = logUntil(child, 'stopping')
  child.kill('SIGTERM')
  await stopping
  held.resolve(undefined)
  expect(await Promise.all(statuses)).toEqual(statuses.map(() => 204))
  expect((await ended(child)).code).toBe(0)
})

test('process: a node that drains serves and is not ready; a second signal ends it at once', async () => {
  const child = start(settings(await freePort(), { QUORATE_DRAIN_MS: '600000' }))
  const { clientPort } = (await logUntil(child, 'ready')).at(-1) as LogLine
  const url = `http://127.0.0.1:${clientPort}`
  const stopping = logUntil(child, 'stopping')
  child.kill('SIGTERM')
  await stopping
  const ready = await request(`${url}/readyz`)
  expect(ready.statusCode).toBe(503)
  expect(await ready.body.text()).toContain('the node is stopping')
  const put = await request(`${url}/v1/kv/default/k`, { method: 'PUT', body: 'v' })
  expect([put.statusCode, put.headers['connection']]).toEqual([204, 'close'])
  await put.body.dump()
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  expect(await exit).toEqual([null, 'SIGKILL'])
})

test('process: a supervised node ends with its supervisor', async () => {
  const child = start(settings(await freePort(), { QUORATE_SUPERVISED: '1' }))
  await logUntil(child, 'ready')
  const exit = once(child, 'exit')
  child.disconnect()
  expect(await exit).toEqual([0, null])
})
