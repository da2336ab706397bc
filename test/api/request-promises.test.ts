/**
 * Counts the promises that a put makes from its route to the first batch of the disk. Each one costs a turn of the
 * microtask queue, and garbage, on the path of every request.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promiseHooks } from 'node:v8'
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
import type { Clock } from '../../src/ports/clock.ts'
import type { Disk } from '../../src/ports/disk.ts'
import { parseSettings } from '../../src/server/settings/settings.ts'

const PUTS = 50
/** The promise of the route's handler is made before the count begins. */
const OF_HANDLER = 1

test('a put of a key in memory makes at most four promises from its route to the first disk batch', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-promises-'))
  const parsed = parseSettings({
    QUORATE_NODE_ID: 'n1',
    QUORATE_MEMBERS: 'n1=http://127.0.0.1:1',
    QUORATE_DATA_DIR: directory,
  })
  if (!parsed.ok) throw new Error(parsed.problem)
  const log = createPinoLog({ node: 'n1', level: 'silent' })
  const metrics = createPromMetrics()
  const listen = { host: '127.0.0.1', port: 0 }
  const network = createPeerNetwork({
    self: 'n1',
    newestVersion: VERSIONS.newest,
    listen,
    log,
  })
  let isCounting = false
  let count = 0
  const counts: number[] = []
  const unhook = promiseHooks.onInit((_promise, parent) => {
    if (!isCounting) return
    const stack = String(new Error('where the promise is made').stack)
    // With a hook in place, each await makes a promise of its own, which has a parent. Without hooks there is none.
    const isMade = parent === undefined || stack.includes('Promise.then')
    if (isMade && /\/src\/(api|node)\//.test(stack)) count++
  })
  const disk: Disk = await openLevelDisk({ directory })
  const write = disk.write.bind(disk)
  disk.write = (...batch) => {
    if (isCounting) counts.push(count)
    isCounting = false
    return write(...batch)
  }
  // The route reads the clock first.
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => {
      isCounting = counts.length < PUTS
      count = OF_HANDLER
      return systemClock.monotonicMs()
    },
  }
  const ports = { timers: systemTimers, random: systemRandom, codec: msgpackCodec, log, metrics }
  const node = createNode({ ...ports, clock: systemClock, disk, network }, parsed.settings)
  const api = createApiServer({
    labDir: '/no/such/lab',
    service: node,
    clock,
    timers: systemTimers,
    log,
    metrics,
    nodeId: 'n1',
    version: '1.2.3',
    maxValueBytes: 1024,
    maxClockDriftMs: 1000,
    logRequests: false,
    exposeMetrics: async () => ({ contentType: metrics.contentType, text: await metrics.render() }),
    onInternalError: (error) => {
      throw error
    },
  })
  const port = await api.listen(listen)
  try {
    await node.start()
    api.open()
    for (let i = 0; i < PUTS; i++) {
      const path = `http://127.0.0.1:${port}/v1/kv/default/key`
      const { statusCode, body } = await request(path, { method: 'PUT', body: 'value' })
      await body.dump()
      expect(statusCode).toBe(204)
    }
    expect(counts.length).toBeGreaterThan(PUTS / 2)
    // Other work of the node may fall between the two moments, so the least count is the put's own.
    expect(Math.min(...counts)).toBeLessThanOrEqual(4)
    expect(Math.min(...counts)).toBeGreaterThan(OF_HANDLER)
  } finally {
    unhook()
    await api.close({ drainMs: 0, graceMs: 0 })
    await node.stop()
    await rm(directory, { recursive: true })
  }
})
