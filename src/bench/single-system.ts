/** The single-node limit (single-node.ts) as a system to measure. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePorts } from './free-ports.ts'
import type { RunningSystem, Workload } from './system.ts'

const PROGRAM = fileURLToPath(new URL('./single-node.ts', import.meta.url))

export async function startSingleNode(dataDir: string): Promise<RunningSystem> {
  const [port = 0] = await freePorts(1)
  const child = fork(PROGRAM, [String(port), dataDir], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  return {
    name: 'single node',
    urls: [`http://127.0.0.1:${port}`],
    pids: [child.pid ?? 0],
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}

export function singlePut(name: string, durability: 'sync' | 'os', value: string): Workload {
  const path = `/kv/{key}?durability=${durability}`
  return { name, method: 'PUT', path, body: value, keyOf: (number) => `key-${number}` }
}

export function singleGet(name: string): Workload {
  return { name, method: 'GET', path: '/kv/{key}', body: '', keyOf: (number) => `key-${number}` }
}
