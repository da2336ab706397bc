/**
 * Redis with one primary and two replicas. Every write waits until one replica has it, too (WAIT 1), and the log is
 * synced for every write. The replicas take no requests, because a primary alone answers with the newest value.
 */
import { createClient } from '@redis/client'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../local-cluster/address-plan.ts'
import { type LeftoversGuard, startPrograms } from './child-process.ts'
import type { StoreConnection } from './store-connection.ts'
import type { ClientWorkload, RunningSystem } from './system.ts'

const REPLICAS = 2
const REPLICAS_TO_WAIT_FOR = 1
const WAIT_MS = 5000

export async function startRedis(dataDir: string, guard: LeftoversGuard): Promise<RunningSystem> {
  const ports = await freePorts(1 + REPLICAS)
  const [primary] = ports
  const calls = ports.map((port, i) => {
    const directory = join(dataDir, `r${i + 1}`)
    mkdirSync(directory, { recursive: true })
    return [
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
      ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
      ['--repl-diskless-sync-delay', '0'],
      i === 0 ? [] : ['--replicaof', '127.0.0.1', String(primary)],
    ].flat()
  })
  const url = `redis://127.0.0.1:${primary}`
  const isReady = async (): Promise<boolean> => {
    const client = await clientOf(url)
    try {
      await client.set('ready', 'yes')
      return (await client.wait(REPLICAS, WAIT_MS)) === REPLICAS
    } finally {
      client.destroy()
    }
  }
  const programs = await startPrograms({ program: 'redis-server', calls, guard, isReady })
  return { ...programs, urls: [url], readCounters: undefined }
}

export function redisWorkload(
  name: string,
  operation: ClientWorkload['operation'],
  value: string,
): ClientWorkload {
  return { via: 'redis', name, operation, value }
}

export async function connectRedis(url: string): Promise<StoreConnection> {
  const client = await clientOf(url)
  return {
    put: async (key, value) => {
      // Both commands go out together: WAIT concerns the writes before it on its connection.
      const [, replicas] = await Promise.all([
        client.set(key, value),
        client.wait(REPLICAS_TO_WAIT_FOR, WAIT_MS),
      ])
      if (replicas < REPLICAS_TO_WAIT_FOR) throw new Error(`no replica has ${key}`)
    },
    get: async (key) => (await client.get(key)) ?? undefined,
    close: async () => client.destroy(),
  }
}

async function clientOf(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  // Requests under way reject by themselves when the connection breaks.
  client.on('error', () => {})
  await client.connect()
  return client
}
