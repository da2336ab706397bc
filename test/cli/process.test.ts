/** The command as a process: pipes, signals, and the scripts that it hands over to. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PROJECT_ROOT } from '../tidy/project-files.ts'

const SCRIPT = join(PROJECT_ROOT, 'scripts', 'quorate.mjs')
/** More than a pipe holds. */
const MANY_KEYS = 20_000

let server: Server
let QUORATE_ENDPOINTS: string
let asked: Promise<unknown>

/** Lists many keys, tells a watch one change, and answers nothing else. */
beforeAll(async () => {
  const names = Array.from({ length: MANY_KEYS }, (_, i) => `key-${i}`)
  const keys = names.map((key) => ({ key, size: 1, siblings: 1, etag: '""' }))
  const page = JSON.stringify({ keys, next: null, complete: true })
  server = createServer((request, response) => {
    if (request.url?.startsWith('/v1/watch/') === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('id: a\ndata: {"type":"delete","key":"k"}\n\n')
    }
    if (request.url?.startsWith('/v1/keys/') !== true) return
    response.writeHead(200, { 'content-type': 'application/json' }).end(page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  QUORATE_ENDPOINTS = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

interface Ended {
  readonly code: number | null
  readonly printed: string
  readonly complained: string
}

async function shell(command: string, env: Record<string, string> = {}): Promise<Ended> {
  const options = { env: { ...process.env, QUORATE_ENDPOINTS, ...env } }
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], options)
  const [printed, complained, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, printed, complained }
}

const QUORATE = `'${process.execPath}' '${SCRIPT}'`

test('a reader that goes away ends the command quietly', async () => {
  expect(await shell(`${QUORATE} list default | head -n 2`)).toEqual({
    code: 0,
    printed: 'key-0\nkey-1\n',
    complained: '',
  })
})

test('all of a long output arrives', async () => {
  const { code, printed } = await shell(`${QUORATE} list default`)
  expect(code).toBe(0)
  expect(printed.split('\n')).toHaveLength(MANY_KEYS + 1)
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a command that waits', async (signal) => {
  asked = once(server, 'request')
  const env = { ...process.env, QUORATE_ENDPOINTS }
  const child = spawn(process.execPath, [SCRIPT, 'get', 'default', 'k', '--timeout', '10m'], {
    env,
  })
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  await asked
  child.kill(signal)
  const [[code], printed, complained] = await ended
  expect({ code, printed, complained }).toEqual({ code: 130, printed: '', complained: '' })
})

/** The time after which the program ends at the latest never comes. */
const WITHOUT_GRACE =
  'data:text/javascript,const after = setTimeout;' +
  'globalThis.setTimeout = (task, ms, ...rest) => after(task, ms === 1000 ? 2 ** 31 - 1 : ms, ...rest)'

test('Ctrl-C ends a watch at once', async () => {
  const env = { ...process.env, QUORATE_ENDPOINTS }
  const argv = ['--import', WITHOUT_GRACE, SCRIPT, 'watch', 'default']
  const child = spawn(process.execPath, argv, { env })
  const ended = Promise.all([once(child, 'close'), text(child.stderr)])
  const [printed] = (await once(child.stdout, 'data')) as [Buffer]
  child.kill('SIGINT')
  expect([printed.toString(), ...(await ended)]).toEqual(['delete k\n', [130, null], ''])
})

test('Ctrl-C ends a command that reads from standard input at once', async () => {
  const argv = ['--import', WITHOUT_GRACE, SCRIPT, 'put', 'default', 'k', '-']
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  // It reads as soon as it has started: this does not fit into a pipe.
  const written = new Promise((resolve) => child.stdin.write(Buffer.alloc(1 << 20), resolve))
  await written
  child.kill('SIGINT')
  expect(await ended).toEqual([130, null])
})

test('a script that takes over prints its own help and ends with its own code', async () => {
  expect((await shell(`${QUORATE} sim --help`)).printed).toMatch(/^Usage: npm run sim --/)
  expect(await shell(`${QUORATE} check --workload nothing`)).toMatchObject({ code: 254 })
  expect(await shell(`${QUORATE} chaos nonsense`)).toMatchObject({ code: 2, printed: '' })
})

test('the version is that of package.json', async () => {
  expect((await shell(`${QUORATE} --version`)).printed).toMatch(/^quorate \d+\.\d+\.\d+\n$/)
})
