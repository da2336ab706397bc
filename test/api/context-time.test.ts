/** Contexts carry the time of other nodes' clocks: a write is later than all that its client has seen. */
import { afterEach, expect, it } from 'vitest'
import { decodeContext, encodeContext } from '../../src/api/tokens/context-token.ts'
import { timestampOf } from '../../src/core/causality/hybrid-clock.ts'
import { nodeOfActor } from '../../src/core/causality/dot.ts'
import { startCluster, type TestAnswer, type TestCluster } from './test-cluster.ts'
import { vectorOf } from '../../src/core/causality/version-vector.ts'

const OF = { bucket: 'default', key: 'k' }
const AHEAD_MS = 300
let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

function put(context?: string): Promise<TestAnswer> {
  const headers = {
    'content-type': 'text/plain',
    ...(context === undefined ? {} : { 'quorate-context': context }),
  }
  return (cluster as TestCluster).request(0, '/v1/kv/default/k', {
    method: 'PUT',
    body: 'v',
    headers,
  })
}

function ownDot(answer: TestAnswer): [actor: string, timestamp: number] {
  const token = answer.headers['quorate-context'] ?? ''
  const entries = [...decodeContext(token, OF, Number.MAX_SAFE_INTEGER)]
  return entries.find(([actor]) => nodeOfActor(actor) === 'n1') as [string, number]
}

it('a write has a dot above those of its context, though they came from a clock that is ahead', async () => {
  cluster = await startCluster(1)
  const ahead = timestampOf(Date.now() + AHEAD_MS)
  const written = await put(encodeContext(vectorOf([['n2~other', ahead]]), OF))
  expect(written.status).toBe(204)
  expect(ownDot(written)[1]).toBeGreaterThan(ahead)
})

it('a node goes on after a context that names its own dots of the time to come', async () => {
  cluster = await startCluster(1)
  const [actor] = ownDot(await put())
  const ahead = timestampOf(Date.now() + AHEAD_MS)
  expect((await put(encodeContext(vectorOf([[actor, ahead]]), OF))).status).toBe(204)
  expect((await put()).status).toBe(204)
})
