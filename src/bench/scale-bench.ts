/**
 * Measures whether the cost of a request depends on the size of the cluster: on the number of nodes, of keys, and of
 * bytes in a value. Every key has three copies. One cluster runs at a time.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Progress } from '../terminal/progress.ts'
import { untilTreesAreBuilt } from './copies.ts'
import { fillDatabases } from './filled-database.ts'
import { fillKeys } from './load/key-space.ts'
import { findLoadGenerator, type LoadGenerator } from './load/load-generator.ts'
import type { LoadArguments } from './load-options.ts'
import { measureLoad } from './measured-load.ts'
import { usageOf, waitUntilIdle } from './process-usage.ts'
import { median } from './report.ts'
import {
  chooseSizes,
  isFilledBefore,
  SCALE_WORKLOADS,
  type ScaleChoice,
  type ScaleResult,
  type ScaleSize,
  scaleTable,
  type ScaleWorkload,
} from './scale-plan.ts'
import { loadUntilSteady } from './steadiness.ts'
import { Steps } from './steps.ts'
import { guardLeftovers } from './systems/child-process.ts'
import { quorateGet, quoratePut, startQuorate } from './systems/quorate-system.ts'
import type { HttpWorkload, RunningSystem } from './systems/system.ts'

const COPIES = 3
/** About the length of a key. */
const KEY_BYTES = 10
const NEVER = new AbortController().signal

interface Run {
  readonly load: LoadArguments
  readonly generator: LoadGenerator
  readonly print: (line: string) => void
  readonly steps: Steps
}

export async function benchScale(
  choice: ScaleChoice,
  load: LoadArguments,
  print: (line: string) => void,
  progress: Progress,
): Promise<void> {
  const sizes = chooseSizes(choice)
  const directory = mkdtempSync(join(tmpdir(), 'quorate-scale-'))
  const guard = guardLeftovers(directory)
  try {
    const { warmUpSeconds, rounds, seconds } = load
    const secondsOfSize = SCALE_WORKLOADS.length * (warmUpSeconds + rounds * seconds)
    const steps = new Steps(progress, sizes.length * secondsOfSize, 'seconds')
    const run = { load, generator: await findLoadGenerator(directory), print, steps }
    const results: ScaleResult[] = []
    for (const size of sizes) {
      const dataDir = join(directory, 'data')
      print(wordsOf(size))
      results.push(await measureSize(run, size, dataDir))
      rmSync(dataDir, { recursive: true, force: true })
    }
    print(`\n${scaleTable(results)}`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
    guard.release()
  }
}

async function measureSize(run: Run, size: ScaleSize, dataDir: string): Promise<ScaleResult> {
  const workloads = workloadsOf(size)
  run.steps.begin(`${wordsOf(size)}: starting and filling`, 0)
  const emptyBytes = isFilledBefore(size) ? await fillBefore(size, dataDir) : undefined
  const system = await startQuorate({ nodes: size.nodes, dataDir, env: {} })
  try {
    if (emptyBytes === undefined) await fillKeys(system, workloads['put quorum'], size.keys, NEVER)
    await untilTreesAreBuilt(system.urls[0] ?? '')
    await waitUntilIdle(system.pids)
    const bytesPerKey =
      emptyBytes === undefined ? undefined : sizesOfKey(size, system, emptyBytes, dataDir)
    const costs = await costsOf(run, size, system, workloads)
    return { size, ...costs, memoryBytes: memoryOf(system), bytesPerKey }
  } finally {
    await system.stop()
  }
}

/**
 * The value of a put ends with its key. LuaJIT, which wrk uses, hashes a long string by its ends and two other places,
 * and needs very long for many strings that do not differ there.
 */
function workloadsOf({ valueBytes }: ScaleSize): Record<ScaleWorkload, HttpWorkload> {
  return {
    'put quorum': quoratePut('put quorum', 'quorum', `${'x'.repeat(valueBytes - KEY_BYTES)}{key}`),
    'get quorum': quorateGet('get quorum', 'quorum'),
    'get eventual': quorateGet('get eventual', 'eventual'),
  }
}

/** Writes the keys into the databases of nodes. Resolves to the memory of a node without keys. */
async function fillBefore(
  { nodes, keys, valueBytes }: ScaleSize,
  dataDir: string,
): Promise<number | undefined> {
  // The start creates the directories and the identities of the nodes.
  const empty = await startQuorate({ nodes, dataDir, env: {} })
  await waitUntilIdle(empty.pids)
  const bytes = memoryOf(empty)
  await empty.stop()
  const nodeDirs = Array.from({ length: nodes }, (_, i) => join(dataDir, `n${i + 1}`))
  await fillDatabases(nodeDirs, keys, valueBytes)
  return bytes
}

/** Gets come first, because racing puts leave siblings. */
async function costsOf(
  { load, generator, print, steps }: Run,
  size: ScaleSize,
  system: RunningSystem,
  workloads: Record<ScaleWorkload, HttpWorkload>,
): Promise<Pick<ScaleResult, 'cpuUs' | 'putCounters'>> {
  const cpuUs: Record<ScaleWorkload, number | undefined> = {
    'put quorum': undefined,
    'get quorum': undefined,
    'get eventual': undefined,
  }
  let putCounters: ScaleResult['putCounters']
  const { connections } = load
  const { keys } = size
  const { pids } = system
  for (const name of SCALE_WORKLOADS.toReversed()) {
    const workload = workloads[name]
    const wanted = { system, workload, connections, keys, pids, stop: NEVER }
    steps.begin(`${wordsOf(size)}: warming up ${name}`, load.warmUpSeconds)
    await loadUntilSteady(async (seconds, turn) => {
      const { requestsPerSecond } = await measureLoad(generator, { ...wanted, seconds, turn })
      return requestsPerSecond
    }, load.warmUpSeconds)
    const rounds: number[] = []
    for (let turn = 0; turn < load.rounds; turn++) {
      steps.begin(`${wordsOf(size)}: round ${turn + 1} of ${load.rounds}, ${name}`, load.seconds)
      await waitUntilIdle(pids)
      const measured = await measureLoad(generator, { ...wanted, seconds: load.seconds, turn })
      if (measured.errors > 0) throw new Error(`${name}: ${measured.errors} requests failed`)
      if (measured.cpuUs !== undefined) rounds.push(measured.cpuUs)
      if (name === 'put quorum') putCounters = measured.counters
    }
    cpuUs[name] = rounds.length === 0 ? undefined : median(rounds)
    print(`  ${name}: ${rounds.map((us) => Math.round(us)).join(', ')} µs`)
  }
  return { cpuUs, putCounters }
}

function wordsOf({ nodes, keys, valueBytes }: ScaleSize): string {
  return `${nodes} nodes, ${keys} keys, ${valueBytes} bytes a value`
}

/** The median of the nodes. */
function memoryOf({ pids }: RunningSystem): number | undefined {
  const known = pids.map((pid) => usageOf(pid)?.memoryBytes).filter((bytes) => bytes !== undefined)
  return known.length === 0 ? undefined : median(known)
}

function sizesOfKey(
  { nodes, keys }: ScaleSize,
  system: RunningSystem,
  emptyBytes: number,
  dataDir: string,
): ScaleResult['bytesPerKey'] {
  const copies = (keys * COPIES) / nodes
  const disk = Array.from({ length: nodes }, (_, i) => diskBytesOf(join(dataDir, `n${i + 1}`)))
  return {
    memory: ((memoryOf(system) ?? 0) - emptyBytes) / copies,
    disk: median(disk) / copies,
  }
}

function diskBytesOf(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false }))
    .filter((stat) => stat?.isFile() === true)
    .reduce((sum, stat) => sum + (stat?.size ?? 0), 0)
}
