/**
 * A node whose standard output cannot be written: a full device, a pipe whose reader has gone, a pipe that nobody
 * reads. It serves reads and writes all the while, counts the log lines it drops, and stops when told to.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool, request } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../../../src/local-cluster/address-plan.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
/** Logged at debug, these are more lines than the buffers of a pipe and of the node hold. They end once a line is lost. */
const REQUESTS_MAX = 16_000
const REQUESTS_AT_ONCE = 1000
const PARALLEL = 32
/** The node's own bound of a stop, with room for a loaded machine. */
const STOP_MS_MAX = 15_000

let directory: string
let child: ChildProcess | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-log-'))
})

afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  child = undefined
  rmSync(directory, { recursive: true })
})

/** The address of a node that answers. */
async function start(
  stdout: number | 'pipe',
  use: (started: ChildProcess) => void,
): Promise<string> {
  const port = await freePort()
  child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      QUORATE_NODE_ID: 'n1',
      QUORATE_MEMBERS: 'n1=http://127.0.0.1:1',
      QUORATE_PEER_LISTEN: '127.0.0.1:0',
      QUORATE_DATA_DIR: join(directory, 'n1'),
      QUORATE_LISTEN: `127.0.0.1:${port}`,
      QUORATE_LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', stdout, 'ignore'],
  })
  use(child)
  const url = `http://127.0.0.1:${port}`
  await expect
    .poll(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status, {
      timeout: 45_000,
      interval: 50,
    })
    .toBe(200)
  return url
}

async function statusOf(url: string, method: 'GET' | 'PUT', body?: string): Promise<number> {
  const answer = await request(url, { method, ...(body === undefined ? {} : { body }) })
  await answer.body.dump()
  return answer.statusCode
}

async function makeRequests(url: string, count: number): Promise<void> {
  const pool = new Pool(url, { connections: PARALLEL })
  let left = count
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (left-- > 0) {
        const { statusCode, body } = await pool.request({ path: '/v1/kv/default/k', method: 'GET' })
        await body.dump()
        expect(statusCode).toBe(200)
      }
    }),
  )
  await pool.close()
}

async function droppedLines(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^quorate_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1])
}

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

/** The exit code of a node that was told to stop. */
async function stopped(): Promise<number | null> {
  const ending = child as ChildProcess
  const gone = once(ending, 'exit', { signal: AbortSignal.timeout(STOP_MS_MAX) })
  ending.kill('SIGTERM')
  const [code] = (await gone) as [number | null]
  return code
}

test('a log on a full device: the node serves and stops', async () => {
  const full = openSync('/dev/full', 'w')
  const url = await start(full, () => closeSync(full))
  expect(await statusOf(`${url}/v1/kv/default/k`, 'PUT', 'v')).toBe(204)
  await makeRequests(url, 200)
  expect(await statusOf(`${url}/livez`, 'GET')).toBe(200)
  expect(await stopped()).toBe(0)
})

test('a log into a pipe whose reader has gone: the node serves and stops', async () => {
  const url = await start('pipe', ({ stdout }) => stdout?.destroy())
  expect(await statusOf(`${url}/v1/kv/default/k`, 'PUT', 'v')).toBe(204)
  await makeRequests(url, 200)
  expect(await stopped()).toBe(0)
})

test('a log into a pipe that nobody reads: lines are dropped and counted, memory is bounded', async () => {
  const url = await start('pipe', () => undefined)
  expect(await statusOf(`${url}/v1/kv/default/k`, 'PUT', 'v')).toBe(204)
  let dropped = 0
  for (let sent = 0; dropped === 0 && sent < REQUESTS_MAX; sent += REQUESTS_AT_ONCE) {
    await makeRequests(url, REQUESTS_AT_ONCE)
    dropped = await droppedLines(url)
  }
  expect(dropped).toBeGreaterThan(0)
  if (process.platform === 'linux') {
    expect(residentMiB(child?.pid as number)).toBeLessThan(400)
  }
  expect(await statusOf(`${url}/v1/kv/default/k2`, 'PUT', 'v')).toBe(204)
  expect(await stopped()).toBe(0)
})
