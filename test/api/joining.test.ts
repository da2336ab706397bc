/**
 * A node that asks its way into a running cluster: here one of the first members, which the others know already, so
 * that no copies have to move. Real nodes, disks and connections.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PROTOCOL } from '../../src/adapters/peer-network/handshake.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { type RunningServer, startServer } from '../../src/server/compose.ts'
import { VERSIONS } from '../../src/core/protocol-versions.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'

const SPOKEN = `${VERSIONS.oldest}-${VERSIONS.newest}`
const WAIT = { timeout: 45_000, interval: 20 }

let directory = ''
let ports: number[] = []
let running: RunningServer[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-join-'))
  ports = await freePorts(3)
  running = []
})

afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()))
  await rm(directory, { recursive: true })
})

const peerUrl = (number: number): string => `http://127.0.0.1:${ports[number - 1]}`

async function start(number: number, env: Record<string, string>, stop?: AbortSignal) {
  const parsed = parseSettings({
    QUORATE_NODE_ID: `n${number}`,
    QUORATE_DATA_DIR: join(directory, `n${number}`),
    QUORATE_LISTEN: '127.0.0.1:0',
    QUORATE_PEER_LISTEN: `127.0.0.1:${ports[number - 1]}`,
    QUORATE_LOG_LEVEL: 'silent',
    ...env,
  })
  if (!parsed.ok) throw new Error(parsed.problem)
  const onBroken = (error: unknown): never => {
    throw error
  }
  const hooks = stop === undefined ? { onBroken } : { onBroken, stop }
  const server = await startServer(parsed.settings, hooks)
  running.push(server)
  return server
}

function startFirst(number: number): Promise<RunningServer> {
  const list = [1, 2, 3].map((one) => `n${one}=${peerUrl(one)}`).join(',')
  return start(number, { QUORATE_MEMBERS: list })
}

async function reaches(server: RunningServer): Promise<string[]> {
  const { members } = await server.service.status()
  return members.filter(({ state }) => state === 'up').map(({ id }) => id)
}

test('joining: who is a member starts from the document that it gets, and from its disk ever after', async () => {
  await Promise.all([startFirst(1), startFirst(2)])
  const env = { QUORATE_JOIN: peerUrl(1), QUORATE_PEER_URL: peerUrl(3) }
  const joined = await start(3, env)
  await expect.poll(() => reaches(joined), WAIT).toEqual(['n1', 'n2', 'n3'])
  const { epoch } = joined.service.topology()
  await joined.stop()

  // Nobody is there to be asked: neither is anybody needed.
  const again = await start(3, { ...env, QUORATE_JOIN: 'http://127.0.0.1:1' })
  expect(again.service.topology().epoch).toBeGreaterThanOrEqual(epoch)
  await expect.poll(() => reaches(again), WAIT).toEqual(['n1', 'n2', 'n3'])
})

test('joining: another node under the id of a member is refused', async () => {
  await Promise.all([startFirst(1), startFirst(2)])
  const env = { QUORATE_JOIN: peerUrl(1), QUORATE_PEER_URL: 'http://127.0.0.1:1' }
  await expect(start(3, env)).rejects.toThrow('n3 is a member already, at')
})

test('joining: a start that waits can be given up', async () => {
  const stop = new AbortController()
  const env = { QUORATE_JOIN: 'http://127.0.0.1:1', QUORATE_PEER_URL: peerUrl(3) }
  const starting = start(3, env, stop.signal)
  stop.abort(new Error('stopping'))
  await expect(starting).rejects.toThrow('stopping')
})

test.each([
  ['an id that cannot be', { id: 'N6' }, 400, 'the node.id must be'],
  ['no address', { id: 'n6', peerUrl: 'n6', zone: 'default' }, 400, 'the node.peerUrl must be'],
  ['what nobody knows', { id: 'n6', weight: 2 }, 400, 'no member "weight"'],
  ['the place of nobody', { id: 'n6', replaces: {} }, 400, 'replace.old must be'],
  ['the place of a stranger', { id: 'n6', replaces: 'n9' }, 403, ''],
])('joining: a member refuses %s', async (_what, asked, status, words) => {
  await Promise.all([startFirst(1), startFirst(2)])
  // Until the two of them have met, no change can be decided.
  await expect.poll(async () => (await ask(asked)).status, WAIT).toBe(status)
  expect(await (await ask(asked)).text()).toContain(words)
})

test('joining: a member that reaches no majority tells to come again', async () => {
  const [, second] = await Promise.all([startFirst(1), startFirst(2)])
  await second.stop()
  expect((await ask({ id: 'n6' })).status).toBe(503)
})

/** Of the first member. */
function ask(asked: object): Promise<Response> {
  return fetch(`${peerUrl(1)}/v1/peer/join`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...asked, protocol: PROTOCOL, versions: SPOKEN }),
  })
}
