/** Describes the machine of a run. Without it, the figures of the run mean nothing. */
import { statfsSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import type { LoadGenerator } from './load/load-generator.ts'
import type { InstalledVersions } from './systems/other-systems.ts'

const TMPFS = 0x01_02_19_94

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  /** The other stores that take part. */
  readonly others: InstalledVersions
  readonly loadGenerator: LoadGenerator['program']
  /** Whether the data are in memory, so that an fsync costs nothing. */
  readonly isInMemory: boolean
}

export function inspectMachine(
  others: InstalledVersions,
  loadGenerator: LoadGenerator['program'],
  dataDir: string,
): Machine {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    others,
    loadGenerator,
    isInMemory: statfsSync(dataDir).type === TMPFS,
  }
}

/** Describes the machine in one sentence. */
export function describeMachine(machine: Machine): string {
  const { cores, processor, memoryBytes, kernel, node, others, loadGenerator } = machine
  return [
    `${cores} × ${processor}`,
    `${Math.round(memoryBytes / 2 ** 30)} GiB`,
    kernel,
    `Node.js ${node}`,
    ...Object.entries(others).map(([name, version]) => `${name} ${version}`),
    `load from ${loadGenerator} on the same processors`,
    ...(machine.isInMemory ? ['data in memory: an fsync costs nothing here'] : []),
  ].join(', ')
}
