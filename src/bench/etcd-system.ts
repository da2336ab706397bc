/** Three nodes of etcd with its default settings, spoken to over its JSON gateway, as curl would. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePorts } from './free-ports.ts'
import type { RunningSystem, Workload } from './system.ts'

const START_MS_MAX = 20_000

/** Undefined where it is not installed. */
export async function etcdVersion(): Promise<string | undefined> {
  const said = await promisify(execFile)('etcd', ['--version']).catch(() => undefined)
  return /Version: (\S+)/.exec(said?.stdout ?? '')?.[1]
}

export async function startEtcd(dataDir: string): Promise<RunningSystem> {
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
      { stdio: 'ignore' },
    ),
  )
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
  }
}

export function etcdRange(name: string, isSerializable: boolean): Workload {
  const body = isSerializable ? '{"key":"{key}","serializable":true}' : '{"key":"{key}"}'
  return { name, method: 'POST', path: '/v3/kv/range', body, keyOf }
}

function keyOf(number: number): string {
  return Buffer.from(`key-${number}`).toString('base64')
}

async function answers(url: string): Promise<void> {
  const endMs = Date.now() + START_MS_MAX
  for (;;) {
    const healthy = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (healthy) return
    if (Date.now() > endMs) throw new Error(`etcd does not answer at ${url}`)
    await sleep(100)
  }
}

async function stopProcess(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const exited = once(process, 'exit')
  process.kill('SIGTERM')
  await exited
}
