/**
 * A member that is removed while it is down and started again on its old directory, with nobody to stop it: over real
 * connections it is told before it serves. It acknowledges nothing, shows nothing of what it holds, and says why.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster, type TestRequest } from '../api/test-cluster.ts'

const WAIT = { timeout: 45_000, interval: 50 }
const JSON_TYPE = { 'content-type': 'application/json' }

const put = (body: string): TestRequest => ({ method: 'PUT', body })
const post = (body: string): TestRequest => ({ method: 'POST', headers: JSON_TYPE, body })

const REQUESTS: readonly [what: string, path: string, request: TestRequest][] = [
  ['a weak write', '/v1/kv/default/k?consistency=weak', put('lost')],
  ['an eventual write', '/v1/kv/default/k?consistency=eventual', put('lost')],
  ['a causal write', '/v1/kv/default/k?consistency=causal', put('lost')],
  ['a quorum write', '/v1/kv/default/k', put('lost')],
  ['a write of its own copy alone', '/v1/kv/latest/k?consistency=eventual&w=1', put('lost')],
  ['a strong write', '/v1/kv/strong/k', put('lost')],
  ['a delete', '/v1/kv/default/old?consistency=eventual', { method: 'DELETE' }],
  ['an increment', '/v1/kv/visits/k?consistency=eventual', post('{"increment":1}')],
  ['an eventual read', '/v1/kv/default/old?consistency=eventual', {}],
  ['a causal read', '/v1/kv/default/old?consistency=causal', {}],
  ['a quorum read', '/v1/kv/default/old', {}],
  ['a strong read', '/v1/kv/strong/old', {}],
  ['a weak read of a strong key', '/v1/kv/strong/old?consistency=eventual', {}],
  ['a list of keys', '/v1/keys/default', {}],
  ['a new bucket', '/v1/buckets/more', put('{"mode":"counter"}')],
  ['a change of the members', '/v1/cluster/apply', post('{"leave":"n2"}')],
]

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster(4)
})
afterAll(() => cluster.stop())

test('a member that was removed while it was down refuses every request, and says why', async () => {
  const status = async (path: string, request: TestRequest): Promise<number> =>
    (await cluster.request(0, path, request)).status
  // By then the four have met.
  await expect.poll(() => status('/v1/buckets/visits', put('{"mode":"counter"}')), WAIT).toBe(201)
  expect(await status('/v1/kv/default/old?consistency=all', put('value'))).toBe(204)
  await cluster.nodes[3]?.stop()
  await expect.poll(() => status('/v1/cluster/apply', post('{"remove":"n4"}')), WAIT).toBe(202)
  const change = async (): Promise<unknown> =>
    (JSON.parse((await cluster.request(0, '/v1/cluster/moves')).text) as { change: unknown }).change
  await expect.poll(change, WAIT).toBe(null)
  await cluster.restart(3)

  for (const [what, path, request] of REQUESTS) {
    const { status: told, text } = await cluster.request(3, path, request)
    const { code, outcome } = JSON.parse(text) as { code: string; outcome: string }
    expect([what, told, code, outcome]).toEqual([what, 503, 'not_a_member', 'rejected'])
  }
  const ready = await cluster.request(3, '/readyz')
  expect(ready.status).toBe(503)
  expect((JSON.parse(ready.text) as { detail: string }).detail).toContain('no longer a member')
  const view = await cluster.request(3, '/v1/cluster')
  expect((JSON.parse(view.text) as { verdict: string }).verdict).toContain(
    'n4 is not one of the 3 members',
  )
})
