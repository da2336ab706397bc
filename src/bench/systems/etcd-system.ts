/** Three nodes of etcd with default settings, accessed through the JSON gateway of etcd, like curl does. */
import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type LeftoversGuard, stopProcess } from './child-process.ts'
import { freePorts } from '../../local-cluster/address-plan.ts'
import type { RunningSystem, Workload } from './system.ts'

const START_MS_MAX = 20_000
const POLL_MS = 100

/** Undefined if etcd is not installed. */
export async function etcdVersion(): Promise<string | undefined> {
  const said = await promisify(execFile)('etcd', ['--version']).catch(() => undefined)
  return /Version: (\S+)/.exec(said?.stdout ?? '')?.[1]
}

export async function startEtcd(dataDir: string, guard: LeftoversGuard): Promise<RunningSystem> {
  const ports = await freePorts(6)
  const names = ['e1', 'e2', 'e3']
  const client = (i: number): string => `http://127.0.0.1:${ports[i]}`
  const peer = (i: number): string => `http://127.0.0.1:${ports[i + 3]}`
  const members = names.map((name, i) => `${name}=${peer(i)}`).join(',')
  const processes = names.map((name, i) =>
    spawn(
      'etcd',
      [
        ['--name', name],
        ['--data-dir', join(dataDir, name)],
        ['--listen-client-urls', client(i), '--advertise-client-urls', client(i)],
        ['--listen-peer-urls', peer(i), '--initial-advertise-peer-urls', peer(i)],
        ['--initial-cluster', members, '--initial-cluster-state', 'new', '--log-level', 'error'],
      ].flat(),
      // Give it its own session, so that Ctrl-C in the terminal reaches only this process.
      { stdio: 'ignore', detached: true },
    ),
  )
  for (const { pid } of processes) if (pid !== undefined) guard.watch(pid)
  const stop = async (): Promise<void> => void (await Promise.all(processes.map(stopProcess)))
  try {
    await Promise.all(names.map((_, i) => answers(client(i))))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name: 'etcd',
    urls: names.map((_, i) => client(i)),
    pids: processes.map((p) => p.pid ?? 0),
    stop,
  }
}

export function etcdPut(name: string, value: string): Workload {
  const encoded = Buffer.from(value).toString('base64')
  return {
    name,
    method: 'POST',
    path: '/v3/kv/put',
    body: `{"key":"{key}","value":"${encoded}"}`,
    keyOf,
    status: 200,
    valueIn: undefined,
  }
}

export function etcdRange(name: string, isSerializable: boolean): Workload {
  const body = isSerializable ? '{"key":"{key}","serializable":true}' : '{"key":"{key}"}'
  return { name, method: 'POST', path: '/v3/kv/range', body, keyOf, status: 200, valueIn }
}

function keyOf(number: number): string {
  return Buffer.from(`key-${number}`).toString('base64')
}

function valueIn(body: string): string | undefined {
  const { kvs } = JSON.parse(body) as { readonly kvs?: readonly { readonly value: string }[] }
  const encoded = kvs?.[0]?.value
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
}

async function answers(url: string): Promise<void> {
  const endMs = Date.now() + START_MS_MAX
  for (;;) {
    const isHealthy = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isHealthy) return
    if (Date.now() > endMs) throw new Error(`etcd does not answer at ${url}`)
    await sleep(POLL_MS)
  }
}
