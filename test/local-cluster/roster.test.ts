/** Which nodes a local cluster starts with: as planned, until its members have changed. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { planAddress } from '../../src/local-cluster/address-plan.ts'
import { environmentOf, tracingEnvironment } from '../../src/local-cluster/node-environment.ts'
import {
  openRoster,
  presentNodes,
  type Roster,
  type RosterNode,
  withJoining,
  withoutNodes,
  writeRoster,
} from '../../src/local-cluster/roster.ts'

let dataDir = ''

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'quorate-roster-'))
})

afterEach(() => rmSync(dataDir, { recursive: true }))

const idsOf = (nodes: readonly { id: string }[]): string[] => nodes.map(({ id }) => id)

/** Three nodes, and a fourth that joined them; as it comes from the disk. */
async function grown(): Promise<Roster> {
  const n4 = await planAddress('n4', 8001)
  writeRoster(dataDir, withJoining(await openRoster(dataDir, 3, 8001), n4))
  mkdirSync(join(dataDir, 'n4'))
  return openRoster(dataDir, 3, 9001)
}

test('a cluster that begins has the nodes and ports of its arguments', async () => {
  const roster = await openRoster(dataDir, 2, 8001)
  expect(roster).toMatchObject({
    nodes: [
      { id: 'n1', clientPort: 8001, peerPort: 9001, joined: false },
      { id: 'n2', clientUrl: 'http://127.0.0.1:8002', peerUrl: 'http://127.0.0.1:9002' },
    ],
    left: [],
  })
  expect(presentNodes(roster, dataDir)).toEqual(roster.nodes)
})

test('one that has grown keeps its nodes and ports, whatever is asked for', async () => {
  const roster = await grown()
  expect(presentNodes(roster, dataDir)).toMatchObject([
    { id: 'n1', clientPort: 8001 },
    { id: 'n2', clientPort: 8002 },
    { id: 'n3', clientPort: 8003 },
    { id: 'n4', clientPort: 8004, peerPort: 9004, joined: true },
  ])
})

test('a cluster that has grown must be started with its first number of nodes', async () => {
  await grown()
  await expect(openRoster(dataDir, 5, 8001)).rejects.toThrow('was created with 3 nodes')
})

test('those that have left are not started, nor a joined one without a directory', async () => {
  writeRoster(dataDir, withoutNodes(await grown(), ['n2']))
  const roster = await openRoster(dataDir, 3, 8001)
  expect(idsOf(presentNodes(roster, dataDir))).toEqual(['n1', 'n3', 'n4'])
  rmSync(join(dataDir, 'n4'), { recursive: true })
  expect(idsOf(presentNodes(roster, dataDir))).toEqual(['n1', 'n3'])
})

test('one that left may come again, under its address; the cluster is still named by it', async () => {
  const left = withoutNodes(await grown(), ['n2'])
  const back = withJoining(left, await planAddress('n2', 0))
  expect(back.left).toEqual([])
  expect(back.nodes.at(-1)).toMatchObject({ id: 'n2', peerPort: 9002, first: true, joined: true })
  const [n1] = back.nodes as [RosterNode]
  const { QUORATE_MEMBERS: members = '' } = environmentOf(n1, back, { dataDir, env: {} })
  expect([...members.matchAll(/n\d(?==)/g)].flat().toSorted()).toEqual(['n1', 'n2', 'n3'])
})

test('first members know each other, those that left too; who joined asks who is there', async () => {
  const roster = withoutNodes(await grown(), ['n2'])
  const [n1, , , n4] = roster.nodes as [RosterNode, RosterNode, RosterNode, RosterNode]
  const options = { dataDir, env: {} }
  expect(environmentOf(n1, roster, options)).toMatchObject({
    QUORATE_MEMBERS: 'n1=http://127.0.0.1:9001,n2=http://127.0.0.1:9002,n3=http://127.0.0.1:9003',
    QUORATE_JOIN: undefined,
  })
  expect(environmentOf(n4, roster, options, 'n3')).toMatchObject({
    QUORATE_MEMBERS: undefined,
    QUORATE_JOIN: 'http://127.0.0.1:9001,http://127.0.0.1:9003',
    QUORATE_PEER_URL: 'http://127.0.0.1:9004',
    QUORATE_REPLACES: 'n3',
  })
})

test('nodes of this machine are reached under its own names only, unless the environment says otherwise', async () => {
  const roster = await grown()
  const [n1] = roster.nodes as [RosterNode]
  const hosts = (): string | undefined =>
    environmentOf(n1, roster, { dataDir, env: {} })['QUORATE_ALLOWED_HOSTS']
  expect(hosts()).toBe('localhost,*.localhost,host.docker.internal')
  vi.stubEnv('QUORATE_ALLOWED_HOSTS', 'kv.example')
  expect(hosts()).toBe('kv.example')
  vi.unstubAllEnvs()
})

test('nodes trace nothing because of the environment of this process, unless they are told to', async () => {
  const roster = await grown()
  const [n1] = roster.nodes as [RosterNode]
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector:4318')
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }
  expect(environmentOf(n1, roster, { dataDir, env: {} })).not.toMatchObject(env)
  expect(environmentOf(n1, roster, { dataDir, env: tracingEnvironment() })).toMatchObject(env)
  vi.unstubAllEnvs()
})
