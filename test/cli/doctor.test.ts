/** What doctor finds, and what it advises. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClusterAnswer } from '../../src/cli/store/cluster-answer.ts'
import { findingOfReadiness, findingsOfCluster } from '../../src/cli/store/findings.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { quorate } from './cli-run.ts'

let cluster: TestCluster
let endpoint: string

beforeAll(async () => {
  cluster = await startCluster(1)
  endpoint = `http://127.0.0.1:${cluster.nodes[0]?.clientPort}`
})

afterAll(() => cluster.stop())

test('a healthy cluster has nothing wrong', async () => {
  await expect
    .poll(async () => (await quorate('doctor --timeout 30s', { endpoints: [endpoint] })).printed)
    .toMatch(/\nNothing is wrong\.\n$/)
  const { code, printed } = await quorate('doctor --timeout 30s', { endpoints: [endpoint] })
  expect(code).toBe(0)
  expect(printed).toContain(`ok       endpoint  ${endpoint} is n1\n`)
  expect(printed).toContain('ok       ready     n1 is ready\n')
})

test('an endpoint at which nothing listens is a failure', async () => {
  const [port] = await freePorts(1)
  const endpoints = [endpoint, `http://127.0.0.1:${port}`]
  const { code, printed } = await quorate('doctor --timeout 30s', { endpoints })
  expect(code).toBe(1)
  expect(printed).toMatch(
    /^failed {3}endpoint {2}http:\/\/127\.0\.0\.1:\d+: nothing listens there$/m,
  )
  expect(printed).toContain('Start the node, for example with npm start, or correct the port.')
  expect(printed).toMatch(/\n1 failed, 0 warnings\.\n$/)
  expect((await quorate('doctor --timeout 30s', { endpoints: endpoints.slice(1) })).code).toBe(8)
})

test('a server that is no node is told apart', async () => {
  const server = createServer((_request, response) => response.end('<html>'.repeat(3)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, printed } = await quorate('doctor', { endpoints: [url] })
  server.close()
  expect(code).toBe(8)
  expect(printed).toContain('Something that is no node of Quorate may listen there.')
})

const HEALTHY: ClusterAnswer = {
  clusterId: 'c1',
  node: 'n1',
  epoch: 1,
  members: ['n1', 'n2'].map((id) => ({
    id,
    peerUrl: '',
    zone: 'default',
    state: 'up',
    clockOffsetMs: 0,
    lastHeardMsAgo: 0,
    epoch: 1,
    partitionsOwned: 128,
  })),
  voters: ['n1', 'n2'],
  moves: null,
  reachability: { n1: { n2: 'up' }, n2: { n1: 'up' } },
  partitionsWithoutQuorum: [],
  partitions: 128,
  hints: {},
  storage: { state: 'ok', reason: '' },
  verdict: '',
}

test.each<[what: string, given: Partial<ClusterAnswer>, state: string, told: string]>([
  ['a cut', { reachability: { n1: { n2: 'down' }, n2: null } }, 'failed', 'n2 does not answer'],
  [
    'a full disk',
    { storage: { state: 'full', reason: 'no space' } },
    'failed',
    'n1 takes no writes',
  ],
  [
    'a wrong clock',
    { members: HEALTHY.members.map((member) => ({ ...member, clockOffsetMs: -400 })) },
    'warning',
    'n1 is -400 ms from n1',
  ],
  ['hints', { hints: { n2: { pending: 3, bytes: 9 } } }, 'warning', 'n1 keeps 3 for n2'],
  [
    'a change',
    {
      moves: {
        kind: 'leave',
        joining: null,
        leaving: 'n2',
        phase: 'moving',
        done: [],
        waitingFor: ['n2'],
      },
    },
    'warning',
    'waits for n2',
  ],
])('%s is found', (_what, given, state, told) => {
  const wrong = findingsOfCluster([{ ...HEALTHY, ...given }]).filter(
    (found) => found.state !== 'ok',
  )
  expect(wrong).toMatchObject([{ state, detail: expect.stringContaining(told) }])
  expect(wrong[0]?.advice).not.toBe('')
})

test('endpoints of two clusters are found', () => {
  const findings = findingsOfCluster([HEALTHY, { ...HEALTHY, clusterId: 'c2' }])
  expect(findings[0]).toMatchObject({ state: 'failed', detail: expect.stringContaining('c1, c2') })
})

test('a node that is not ready says why', () => {
  const failed = [{ name: 'copies', ok: false, detail: 'being refilled' }]
  expect(findingOfReadiness('n1', failed)).toMatchObject({
    state: 'failed',
    detail: 'n1 is not ready: copies: being refilled',
  })
})
