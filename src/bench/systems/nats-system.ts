/**
 * Three servers of NATS with a JetStream key-value bucket of three replicas. By default, servers sync their files every
 * two minutes; with `isSynced`, they sync every write.
 */
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../local-cluster/address-plan.ts'
import { type LeftoversGuard, startPrograms } from './child-process.ts'
import type { StoreConnection } from './store-connection.ts'
import type { ClientWorkload, RunningSystem } from './system.ts'

const SERVERS = 3
const BUCKET = 'bench'
const SYNC_ALWAYS_SINCE = [2, 10] as const

/** Older servers cannot sync every write. */
export function canSyncAlways(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [sinceMajor, sinceMinor] = SYNC_ALWAYS_SINCE
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)
}

export async function startNats(
  dataDir: string,
  isSynced: boolean,
  guard: LeftoversGuard,
): Promise<RunningSystem> {
  const ports = await freePorts(2 * SERVERS)
  const urls = ports.slice(0, SERVERS).map((port) => `nats://127.0.0.1:${port}`)
  const routes = ports.slice(SERVERS)
  mkdirSync(dataDir, { recursive: true })
  const calls = urls.map((_, i) => {
    const name = `s${i + 1}`
    const file = join(dataDir, `${name}.conf`)
    const sync = isSynced ? ', sync_interval: always' : ''
    const lines = [
      `server_name: ${name}`,
      `listen: "127.0.0.1:${ports[i]}"`,
      `jetstream { store_dir: ${JSON.stringify(join(dataDir, name))}${sync} }`,
      `cluster { name: bench, listen: "127.0.0.1:${routes[i]}", routes: [${routes
        .map((port) => `"nats-route://127.0.0.1:${port}"`)
        .join(', ')}] }`,
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return ['--config', file]
  })
  const isReady = async (): Promise<boolean> => {
    const connection = await connectionTo(urls[0] ?? '')
    try {
      await new Kvm(connection).create(BUCKET, { replicas: SERVERS })
    } finally {
      await connection.close()
    }
    for (const url of urls) await (await connectNats(url)).close()
    return true
  }
  const programs = await startPrograms({ program: 'nats-server', calls, guard, isReady })
  return { ...programs, urls, readCounters: undefined }
}

export function natsWorkload(
  name: string,
  operation: ClientWorkload['operation'],
  value: string,
): ClientWorkload {
  return { via: 'nats', name, operation, value }
}

export async function connectNats(url: string): Promise<StoreConnection> {
  const connection = await connectionTo(url)
  try {
    const bucket = await new Kvm(connection).open(BUCKET)
    return {
      put: async (key, value) => void (await bucket.put(key, value)),
      get: async (key) => (await bucket.get(key))?.string(),
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** The connection stays at this server. If it breaks, requests under way reject. */
function connectionTo(url: string): Promise<NatsConnection> {
  return connect({ servers: url, reconnect: false, ignoreClusterUpdates: true })
}
