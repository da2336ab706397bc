/** Three nodes of etcd with default settings, accessed through the JSON gateway of etcd, like curl does. */
import { join } from 'node:path'
import { freePorts } from '../../local-cluster/address-plan.ts'
import { type LeftoversGuard, startPrograms } from './child-process.ts'
import { type HttpWorkload, keyName, type RunningSystem } from './system.ts'

export async function startEtcd(dataDir: string, guard: LeftoversGuard): Promise<RunningSystem> {
  const ports = await freePorts(6)
  const names = ['e1', 'e2', 'e3']
  const urls = names.map((_, i) => `http://127.0.0.1:${ports[i]}`)
  const peer = (i: number): string => `http://127.0.0.1:${ports[i + 3]}`
  const members = names.map((name, i) => `${name}=${peer(i)}`).join(',')
  const calls = names.map((name, i) => {
    const client = urls[i] ?? ''
    return [
      ['--name', name],
      ['--data-dir', join(dataDir, name)],
      ['--listen-client-urls', client, '--advertise-client-urls', client],
      ['--listen-peer-urls', peer(i), '--initial-advertise-peer-urls', peer(i)],
      ['--initial-cluster', members, '--initial-cluster-state', 'new', '--log-level', 'error'],
    ].flat()
  })
  const isReady = async (): Promise<boolean> => {
    const answers = await Promise.all(urls.map((url) => fetch(`${url}/health`)))
    return answers.every(({ ok }) => ok)
  }
  const programs = await startPrograms({ program: 'etcd', calls, guard, isReady })
  return { ...programs, urls, readCounters: undefined }
}

export function etcdPut(name: string, value: string): HttpWorkload {
  const encoded = Buffer.from(value).toString('base64')
  return {
    via: 'http',
    name,
    method: 'POST',
    path: '/v3/kv/put',
    body: `{"key":"{key}","value":"${encoded}"}`,
    keyOf,
    status: 200,
    valueIn: undefined,
  }
}

export function etcdRange(name: string, isSerializable: boolean): HttpWorkload {
  const body = isSerializable ? '{"key":"{key}","serializable":true}' : '{"key":"{key}"}'
  const path = '/v3/kv/range'
  return { via: 'http', name, method: 'POST', path, body, keyOf, status: 200, valueIn }
}

function keyOf(number: number): string {
  return Buffer.from(keyName(number)).toString('base64')
}

function valueIn(body: string): string | undefined {
  const { kvs } = JSON.parse(body) as { readonly kvs?: readonly { readonly value: string }[] }
  const encoded = kvs?.[0]?.value
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
}
