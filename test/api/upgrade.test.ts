/**
 * A cluster of which some nodes speak the version before (QUORATE_PROTOCOL), upgraded one node after the other while
 * clients read and write. Real nodes, disks and connections.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { type RunningServer, startServer } from '../../src/server/compose.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'

const WAIT = { timeout: 120_000, interval: 50 }
const FIRST = [1, 2, 3]
/** Of each, one client after the other: what it was told as written, it has to find. */
const PATHS = ['strong/a', 'latest/a']

let directory = ''
let ports: number[] = []
const running = new Map<number, RunningServer>()
let started: Load | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-upgrade-'))
  ports = await freePorts(4)
})

afterEach(async () => {
  // Also after a failure: without nodes, its clients would fail at once, again and again, without an end.
  await started?.stop()
  started = undefined
  await Promise.all([...running.values()].map((server) => server.stop()))
  running.clear()
  await rm(directory, { recursive: true })
})

const peerUrl = (number: number): string => `http://127.0.0.1:${ports[number - 1]}`

/** Starts the node, or starts it again. */
async function start(number: number, env: Record<string, string> = {}): Promise<void> {
  await running.get(number)?.stop()
  const members = FIRST.map((one) => `n${one}=${peerUrl(one)}`).join(',')
  const parsed = parseSettings({
    QUORATE_NODE_ID: `n${number}`,
    QUORATE_DATA_DIR: join(directory, `n${number}`),
    QUORATE_LISTEN: '127.0.0.1:0',
    QUORATE_PEER_LISTEN: `127.0.0.1:${ports[number - 1]}`,
    QUORATE_LOG_LEVEL: 'silent',
    ...(FIRST.includes(number) ? { QUORATE_MEMBERS: members } : {}),
    ...env,
  })
  if (!parsed.ok) throw new Error(parsed.problem)
  const onBroken = (error: unknown): never => {
    throw error
  }
  running.set(number, await startServer(parsed.settings, { onBroken }))
}

async function ask(
  number: number,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; session: string }> {
  const url = `http://127.0.0.1:${running.get(number)?.clientPort}/v1/${path}`
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
  const session = response.headers.get('quorate-session') ?? ''
  return { status: response.status, text: await response.text(), session }
}

const createBucket = (number: number, name: string): Promise<{ status: number; text: string }> =>
  ask(number, 'PUT', `buckets/${name}`, '{"mode":"lww"}', { 'content-type': 'application/json' })

/** All of them meet, and have agreed on the key that seals sessions: as clusters of the version before have. */
async function startUpTo(newest: readonly number[]): Promise<void> {
  await Promise.all(FIRST.map((number) => start(number)))
  const path = 'kv/default/before?consistency=causal'
  await expect.poll(async () => (await ask(1, 'PUT', path, 'it')).status, WAIT).toBeLessThan(300)
  for (const [i, protocol] of newest.entries()) {
    await start(i + 1, { QUORATE_PROTOCOL: String(protocol) })
  }
  await expect.poll(() => reaching(), WAIT).toEqual([3, 3, 3])
}

/** How many members each node has links to. */
async function reaching(): Promise<number[]> {
  const statuses = await Promise.all([...running.values()].map(({ service }) => service.status()))
  return statuses.map(({ members }) => members.filter(({ state }) => state === 'up').length)
}

/** Writes numbers that rise, through one node after the other, and reads each through another one. */
class Load {
  readonly wrong: string[] = []
  acknowledged = 0
  found = 0
  #isOver = false
  readonly #clients: Promise<void>[]

  constructor() {
    this.#clients = PATHS.map((path) => this.#run(path))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  async #run(path: string): Promise<void> {
    let known = 0
    for (let next = 1; !this.#isOver; next++) {
      const put = await this.#try(next, 'PUT', path, String(next))
      if (put !== undefined) {
        known = next
        this.acknowledged++
      }
      const got = await this.#try(next + 1, 'GET', path)
      if (got === undefined) continue
      this.found++
      const value = Number(got)
      if (value < known || value > next) this.wrong.push(`${path}: ${got}, not ${known} to ${next}`)
      known = Math.max(known, value)
    }
  }

  /** The text of the answer; undefined where it may not have been done, or was not. */
  async #try(
    turn: number,
    method: string,
    path: string,
    body?: string,
  ): Promise<string | undefined> {
    const number = FIRST[turn % FIRST.length] as number
    const answer = await ask(number, method, `kv/${path}`, body).catch(() => undefined)
    // Its process is gone for now, or closed this connection while the request was under way (408).
    if (answer === undefined || [408, 503, 504].includes(answer.status)) return undefined
    if (answer.status < 300) return answer.text
    if (answer.status !== 404 || method !== 'GET')
      this.wrong.push(`${answer.status} ${answer.text}`)
    return answer.status === 404 ? '0' : undefined
  }
}

test('nodes of two versions read and write together at every level', async () => {
  await startUpTo([3, 2, 3])
  let session = ''
  for (const number of FIRST) {
    const other = (number % 3) + 1
    for (const path of ['strong/k', 'default/k', 'latest/k?consistency=all']) {
      const text = `${path} by n${number}`
      expect((await ask(number, 'PUT', `kv/${path}`, text)).status).toBeLessThan(300)
      expect((await ask(other, 'GET', `kv/${path}`)).text).toBe(text)
    }
    const headers = session === '' ? {} : { 'quorate-session': session }
    const path = 'kv/default/told?consistency=causal'
    const put = await ask(number, 'PUT', path, `by n${number}`, headers)
    expect(put.status).toBeLessThan(300)
    session = put.session
    expect((await ask(other, 'GET', path, undefined, { 'quorate-session': session })).text).toBe(
      `by n${number}`,
    )
  }
  const refused = [await createBucket(1, 'early'), await createBucket(2, 'early')]
  expect(refused.map(({ status }) => status)).toEqual([503, 503])
  expect(refused[0]?.text).toContain('n1 and n2 speak version 2')
  expect(refused[1]?.text).toContain('n2 and n1, n3 speak version 2')
})

test('one node after the other is upgraded under load; then the topology can be changed', async () => {
  await startUpTo([2, 2, 2])
  const load = new Load()
  started = load
  for (const [number, old] of [
    [1, 'n1 and n2, n3'],
    [2, 'n2 and n3'],
  ] as const) {
    const { acknowledged, found } = load
    await start(number)
    await expect.poll(() => reaching(), WAIT).toEqual([3, 3, 3])
    expect((await createBucket(number, 'early')).text).toContain(`${old} speak version 2`)
    await expect.poll(() => load.acknowledged, WAIT).toBeGreaterThan(acknowledged + 10)
    await expect.poll(() => load.found, WAIT).toBeGreaterThan(found + 10)
  }
  await start(3)
  await expect.poll(async () => (await createBucket(2, 'late')).status, WAIT).toBe(201)
  await start(4, { QUORATE_JOIN: peerUrl(1), QUORATE_PEER_URL: peerUrl(4) })
  const isMoved = async (): Promise<unknown> => (await running.get(4)?.service.status())?.moves
  await expect.poll(isMoved, WAIT).toBeNull()
  await load.stop()
  expect(load.wrong).toEqual([])
  expect(
    running
      .get(4)
      ?.service.topology()
      .members.map(({ id }) => id),
  ).toEqual(['n1', 'n2', 'n3', 'n4'])
})

test('an increment under an idempotency key waits until every node is upgraded', async () => {
  await startUpTo([3, 3, 3])
  const headers = { 'content-type': 'application/json' }
  const made = await ask(1, 'PUT', 'buckets/counts', '{"mode":"counter"}', headers)
  expect(made.status).toBe(201)
  await start(2, { QUORATE_PROTOCOL: '2' })
  await expect.poll(() => reaching(), WAIT).toEqual([3, 3, 3])
  const count = (number: number, key?: string): Promise<{ status: number; text: string }> =>
    ask(number, 'POST', 'kv/counts/k', '{"increment":1}', {
      ...headers,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    })
  for (const number of FIRST) {
    const refused = await count(number, 'a')
    expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('version 2')])
    expect(refused.text).toContain('"outcome":"rejected"')
    expect((await count(number)).status).toBe(204)
  }
  await start(2)
  await expect.poll(async () => (await count(1, 'a')).status, WAIT).toBe(204)
  for (const number of FIRST) expect((await count(number, 'a')).status).toBe(204)
  expect((await ask(3, 'GET', 'kv/counts/k')).text).toBe('{"value":4}\n')
})

test('no bucket is deleted while a member of version 2 is out of reach', async () => {
  await startUpTo([3, 3, 3])
  expect((await createBucket(1, 'carts')).status).toBe(201)
  await start(3, { QUORATE_PROTOCOL: '2' })
  await expect.poll(() => reaching(), WAIT).toEqual([3, 3, 3])
  await running.get(3)?.stop()
  running.delete(3)
  const refused = await ask(1, 'DELETE', 'buckets/carts?force=true')
  expect([refused.status, refused.text]).toEqual([
    503,
    expect.stringContaining('n3 may speak version 2'),
  ])
  expect(refused.text).toContain('"outcome":"rejected"')
})
