/**
 * Signals that are sent to a node from outside, and variables that others have put into its environment: log rotation
 * sends SIGHUP, and Kubernetes names the ports of a service. Neither ends the node, and SIGUSR1 opens no debugger port.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LocalCluster, startCluster } from '../../../src/local-cluster/local-cluster.ts'

const WAIT = { timeout: 45_000, interval: 20 }

const dataDir = mkdtempSync(join(tmpdir(), 'quorate-signals-'))
let cluster: LocalCluster
beforeAll(async () => {
  const env = {
    QUORATE_PORT: 'tcp://10.0.0.1:8080',
    QUORATE_SERVICE_HOST: '10.0.0.1',
    QUORATE_N1_PORT: '9001',
    QUORATE_PEER_RANGE: '10.99',
  }
  cluster = await startCluster({ nodes: 1, dataDir, basePort: 0, env })
})
afterAll(async () => {
  await cluster.stop()
  rmSync(dataDir, { recursive: true })
})

test('SIGHUP is ignored, SIGUSR1 opens nothing, and foreign variables are named in the log', async () => {
  const pidOf = async (): Promise<number | null> => (await cluster.control.status())[0]?.pid ?? null
  const log = (): string => readFileSync(join(dataDir, 'n1', 'node.log'), 'utf8')
  const pid = await pidOf()
  process.kill(pid as number, 'SIGUSR1')
  process.kill(pid as number, 'SIGHUP')
  await expect.poll(log, WAIT).toContain('SIGHUP is ignored')
  const put = { method: 'PUT', body: 'v' }
  const { status } = await fetch(`${cluster.nodes[0]?.clientUrl}/v1/kv/default/k`, put)
  expect(status).toBe(204)
  expect(await pidOf()).toBe(pid)
  expect(log()).not.toContain('Debugger')
  expect(log()).toContain('"ignored":["QUORATE_PORT","QUORATE_SERVICE_HOST"]')
})
