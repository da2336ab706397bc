/** Makes load in the own protocol of a store, by a separate process (client-program.ts). */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientWorkload, LoadResult } from '../systems/system.ts'
import type { Load } from './load.ts'

/** The message to the program. */
export interface ClientJob {
  readonly workload: ClientWorkload
  readonly urls: readonly string[]
  readonly connections: number
  readonly keys: number
  /** Null: write every key once. */
  readonly seconds: number | null
}

const PROGRAM = fileURLToPath(new URL('./client-program.ts', import.meta.url))

export async function loadWithClient(workload: ClientWorkload, load: Load): Promise<LoadResult> {
  const { urls, connections, keys, seconds, stop } = load
  const result = await runJob({ workload, urls, connections, keys, seconds }, stop)
  return result as LoadResult
}

export async function fillWithClient(
  workload: ClientWorkload,
  load: Omit<Load, 'seconds' | 'headers'>,
): Promise<void> {
  const { urls, connections, keys, stop } = load
  await runJob({ workload, urls, connections, keys, seconds: null }, stop)
}

/** Resolves when the program has ended, so that the operating system knows its CPU time. */
async function runJob(job: ClientJob, signal: AbortSignal): Promise<unknown> {
  const child = fork(PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], signal })
  const ended = once(child, 'exit')
  let result: unknown
  child.on('message', (message) => (result = message))
  child.send(job)
  const [code] = await ended
  if (code === 0 && result !== undefined) return result
  throw new Error(`${job.workload.name}: the load process ended with exit code ${code}`)
}
