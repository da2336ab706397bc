/** What a client is told where the node cannot do what it asks: too few owners, or not started yet. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../src/adapters/codec/msgpack-codec.ts'
import { openLevelDisk } from '../../src/adapters/level-disk/level-disk.ts'
import { createPinoLog } from '../../src/adapters/log/pino-log.ts'
import { createPromMetrics } from '../../src/adapters/metrics/prom-metrics.ts'
import { createPeerNetwork } from '../../src/adapters/peer-network/peer-network.ts'
import { systemClock } from '../../src/adapters/system/system-clock.ts'
import { systemRandom } from '../../src/adapters/system/system-random.ts'
import { systemTimers } from '../../src/adapters/system/system-timers.ts'
import { createApiServer } from '../../src/api/server.ts'
import { VERSIONS } from '../../src/core/protocol-versions.ts'
import { createNode } from '../../src/node/node.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'
import { startCluster } from './test-cluster.ts'

test('unavailable: one node of three refuses quorum, and goes on at eventual', async () => {
  const cluster = await startCluster(3)
  for (const other of cluster.nodes.slice(1)) await other.stop()
  const put = (query: string) =>
    cluster.request(0, `/v1/kv/default/k?${query}`, { method: 'PUT', body: 'x' })
  try {
    // Until the node has noticed that it is alone, the outcome may be unknown.
    await expect.poll(async () => (await put('timeout=300')).status, { timeout: 45_000 }).toBe(503)
    const refused = await put('timeout=300')
    expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    expect(JSON.parse(refused.text)).toMatchObject({
      code: 'quorum_unreachable',
      status: 503,
      outcome: 'rejected',
      retryable: true,
      required: 2,
      received: expect.any(Number) as number,
      replicas: expect.any(Array) as unknown[],
      requestId: refused.headers['x-request-id'],
    })
    const read = await cluster.request(0, '/v1/kv/default/k?consistency=all&timeout=300')
    expect([read.status, JSON.parse(read.text)]).toMatchObject([503, { required: 3 }])
    expect((await put('consistency=eventual')).status).toBe(204)
    const operations = ['quorum', 'eventual', 'all'].map((consistency) => ({
      op: 'put',
      bucket: 'default',
      key: consistency,
      value: 'x',
      consistency,
    }))
    const batch = { method: 'POST', body: JSON.stringify({ operations }) }
    const answered = await cluster.request(0, '/v1/batch?timeout=300', batch)
    expect(JSON.parse(answered.text)).toMatchObject({
      answers: [
        { status: 503, retryAfter: expect.any(Number) as number, problem: { required: 2 } },
        { status: 204, consistency: 'eventual' },
        { status: 503, problem: { code: 'quorum_unreachable', required: 3, outcome: 'rejected' } },
      ],
    })
    const { status, text } = await cluster.request(0, '/v1/kv/default/k?consistency=eventual')
    expect([status, text]).toEqual([200, 'x'])
    const ready = await cluster.request(0, '/readyz?verbose')
    expect([ready.status, JSON.parse(ready.text)]).toMatchObject([503, { code: 'not_ready' }])
    expect((await cluster.request(0, '/livez')).status).toBe(200)
    const listed = await cluster.request(0, '/v1/keys/default?timeout=300')
    expect(JSON.parse(listed.text)).toMatchObject({
      complete: false,
      missingPartitions: expect.any(Array) as unknown[],
    })
  } finally {
    await cluster.stop()
  }
})

test('unavailable: before the node has started, only health checks have an answer', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-api-'))
  const parsed = parseSettings({
    QUORATE_NODE_ID: 'n1',
    QUORATE_MEMBERS: 'n1=http://127.0.0.1:1',
    QUORATE_DATA_DIR: directory,
  })
  if (!parsed.ok) throw new Error(parsed.problem)
  const disk = await openLevelDisk({ directory })
  const log = createPinoLog({ node: 'n1', level: 'silent' })
  const metrics = createPromMetrics()
  const listen = { host: '127.0.0.1', port: 0 }
  const network = createPeerNetwork({
    self: 'n1',
    newestVersion: VERSIONS.newest,
    listen,
    log,
  })
  const service = createNode(
    {
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      codec: msgpackCodec,
      disk,
      network,
      log,
      metrics,
    },
    parsed.settings,
  )
  const api = createApiServer({
    labDir: '/no/such/lab',
    service,
    clock: systemClock,
    timers: systemTimers,
    log,
    metrics,
    nodeId: 'n1',
    version: '1.2.3',
    maxValueBytes: 1,
    maxClockDriftMs: 1,
    logRequests: false,
    exposeMetrics: async () => ({ contentType: metrics.contentType, text: await metrics.render() }),
    onInternalError: () => undefined,
  })
  const port = await api.listen(listen)
  const get = async (path: string) => {
    const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}${path}`)
    return { status: statusCode, headers, data: JSON.parse(await body.text()) as unknown }
  }
  try {
    expect(await get('/livez')).toMatchObject({ status: 200 })
    const notReady = {
      status: 503,
      headers: { 'retry-after': '1' },
      data: { code: 'not_ready', outcome: 'rejected' },
    }
    for (const path of [
      '/v1/kv/default/k',
      '/v1/buckets',
      '/v1/keys/default',
      '/v1/cluster',
      '/readyz',
    ]) {
      expect(await get(path)).toMatchObject(notReady)
    }
    expect(await get('/readyz?verbose')).toMatchObject({
      data: { checks: [{ name: 'started', ok: false }] },
    })
  } finally {
    await api.close({ drainMs: 0, graceMs: 0 })
    await disk.close()
    await rm(directory, { recursive: true })
  }
})
