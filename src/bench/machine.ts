/** Describes the machine of a run. Without it, the figures of the run mean nothing. */
import { statfsSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { etcdVersion } from './systems/etcd-system.ts'

const TMPFS = 0x01_02_19_94

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  /** Undefined if it is not installed. */
  readonly etcd: string | undefined
  readonly loadGenerator: 'wrk' | 'autocannon'
  /** Whether the data are in memory, so that an fsync costs nothing. */
  readonly isInMemory: boolean
}

export async function inspectMachine(withWrk: boolean, dataDir: string): Promise<Machine> {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    etcd: await etcdVersion(),
    loadGenerator: withWrk ? 'wrk' : 'autocannon',
    isInMemory: statfsSync(dataDir).type === TMPFS,
  }
}

/** Describes the machine in one sentence. */
export function describeMachine(machine: Machine): string {
  const { cores, processor, memoryBytes, kernel, node, etcd, loadGenerator } = machine
  return [
    `${cores} × ${processor}`,
    `${Math.round(memoryBytes / 2 ** 30)} GiB`,
    kernel,
    `Node.js ${node}`,
    etcd === undefined ? 'no etcd' : `etcd ${etcd}`,
    `load from ${loadGenerator} on the same processors`,
    ...(machine.isInMemory ? ['data in memory: an fsync costs nothing here'] : []),
  ].join(', ')
}
