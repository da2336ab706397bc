/** The single-node limit (single-node.ts) as a system to measure. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { stopProcess } from './child-process.ts'
import { freePorts } from '../../local-cluster/address-plan.ts'
import { type HttpWorkload, keyName, type RunningSystem } from './system.ts'

const PROGRAM = fileURLToPath(new URL('./single-node.ts', import.meta.url))

export async function startSingleNode(dataDir: string): Promise<RunningSystem> {
  const [port = 0] = await freePorts(1)
  const child = fork(PROGRAM, [String(port), dataDir], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // Give it its own session, so that Ctrl-C in the terminal reaches only this process.
    detached: true,
  })
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the single node ended with exit code ${code}`)
  })
  // The process also exits when it is stopped, which must not count as an unhandled rejection.
  failed.catch(() => {})
  await Promise.race([once(child, 'message'), failed])
  return {
    urls: [`http://127.0.0.1:${port}`],
    pids: [child.pid ?? 0],
    readCounters: undefined,
    stop: () => stopProcess(child),
  }
}

export function singlePut(name: string, durability: 'sync' | 'os', value: string): HttpWorkload {
  const path = `/kv/{key}?durability=${durability}`
  return { ...singleGet(name), method: 'PUT', path, body: value, status: 204, valueIn: undefined }
}

export function singleGet(name: string): HttpWorkload {
  return {
    via: 'http',
    name,
    method: 'GET',
    path: '/kv/{key}',
    body: '',
    keyOf: keyName,
    status: 200,
    valueIn: (body) => body,
  }
}
