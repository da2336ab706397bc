/**
 * `npm run bench`: this store, a three-node etcd and the single-node limit under the same load in one run,
 * in short rounds whose order rotates, because machines are noisy and only ratios of one run count.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { loadWithAutocannon } from './autocannon-load.ts'
import type { BenchArguments } from './bench-arguments.ts'
import { etcdPut, etcdRange, etcdVersion, startEtcd } from './etcd-system.ts'
import { usageOf } from './process-usage.ts'
import { quorateGet, quoratePut, startQuorate } from './quorate-system.ts'
import { ratiosOf, type Row, tableOf } from './report.ts'
import { singleGet, singlePut, startSingleNode } from './single-system.ts'
import type { Measurement, RunningSystem, Workload } from './system.ts'
import { hasWrk, type Load, loadWithWrk } from './wrk.ts'

export interface BenchTerminal {
  readonly print: (line: string) => void
  /** Aborted by Ctrl-C: the round under way is the last. */
  readonly stop: AbortSignal
  /** Where `results` is. */
  readonly directory: string
}

interface Entry {
  readonly system: RunningSystem
  readonly workload: Workload
  readonly rounds: Measurement[]
}

const KEYS = 5000
/** Until the runtimes have compiled what is hot: a second run of one load was measured half as fast again. */
const WARM_UP_SECONDS = 6
const PRELOAD_AT_ONCE = 32

export async function bench(args: BenchArguments, terminal: BenchTerminal): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
  const systems: RunningSystem[] = []
  try {
    const entries = await startAll(args, directory, systems)
    const withWrk = await hasWrk()
    const measureOne = (entry: Entry, seconds: number): Promise<Measurement> =>
      measure(
        entry,
        { urls: entry.system.urls, connections: args.connections, seconds, keys: KEYS },
        withWrk,
        directory,
      )
    const machine = await describeMachine(withWrk)
    terminal.print(machine)
    for (const entry of entries) {
      if (terminal.stop.aborted) return
      if (entry.workload.method === 'PUT' || entry.workload.name === 'etcd put')
        await preload(entry)
      await measureOne(entry, WARM_UP_SECONDS)
    }
    for (let round = 0; round < args.rounds && !terminal.stop.aborted; round++) {
      for (const entry of rotated(entries, round)) {
        if (terminal.stop.aborted) break
        const measured = await measureOne(entry, args.seconds)
        entry.rounds.push(measured)
        const rate = Math.round(measured.requestsPerSecond)
        terminal.print(
          `round ${round + 1}  ${entry.workload.name}: ${rate}/s, p99 ${measured.p99Ms.toFixed(1)} ms`,
        )
      }
    }
    report(args, entries, machine, terminal)
  } finally {
    await Promise.all(systems.map((system) => system.stop()))
    rmSync(directory, { recursive: true, force: true })
  }
}

async function startAll(
  args: BenchArguments,
  directory: string,
  systems: RunningSystem[],
): Promise<Entry[]> {
  const value = 'x'.repeat(args.valueBytes)
  const profile: Record<string, string> =
    args.profileDir === undefined
      ? {}
      : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${args.profileDir}` }
  const entries: Entry[] = []
  const add = async (
    starting: Promise<RunningSystem>,
    workloads: readonly Workload[],
  ): Promise<void> => {
    const system = await starting
    systems.push(system)
    entries.push(...workloads.map((workload) => ({ system, workload, rounds: [] })))
  }
  const only = (workloads: readonly Workload[]): readonly Workload[] =>
    workloads.filter(({ name }) => args.only.length === 0 || args.only.includes(name))
  const start = async (
    begin: () => Promise<RunningSystem>,
    all: readonly Workload[],
  ): Promise<void> => {
    const workloads = only(all)
    if (workloads.length > 0) await add(begin(), workloads)
  }
  await start(
    () => startQuorate('quorate', join(directory, 'sync'), profile),
    [
      quoratePut('put quorum', 'quorum', value),
      quoratePut('put eventual', 'eventual', value),
      quoratePut('put weak', 'weak', value),
      quorateGet('get quorum', 'quorum'),
      quorateGet('get eventual', 'eventual'),
    ],
  )
  await start(
    () =>
      startQuorate('quorate, os', join(directory, 'os'), { QUORATE_DURABILITY: 'os', ...profile }),
    [
      quoratePut('put quorum os', 'quorum', value),
      quoratePut('put eventual os', 'eventual', value),
      quoratePut('put weak os', 'weak', value),
    ],
  )
  await start(
    () => startSingleNode(join(directory, 'single')),
    [
      singlePut('single put', 'sync', value),
      singlePut('single put os', 'os', value),
      singleGet('single get'),
    ],
  )
  if (args.withEtcd && (await etcdVersion()) !== undefined) {
    await start(
      () => startEtcd(join(directory, 'etcd')),
      [
        etcdPut('etcd put', value),
        etcdRange('etcd linearizable', false),
        etcdRange('etcd serializable', true),
      ],
    )
  }
  return entries
}

/** Every key once, so that gets find something and puts replace something. */
async function preload({ system, workload }: Entry): Promise<void> {
  const [url = ''] = system.urls
  let next = 0
  const worker = async (): Promise<void> => {
    for (let number = next++; number < KEYS; number = next++) {
      const key = workload.keyOf(number)
      const path = workload.path.replaceAll('{key}', key)
      const body = workload.body.replaceAll('{key}', key)
      const response = await fetch(url + path, { method: workload.method, body })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`${workload.name}: ${response.status} from ${url}`)
    }
  }
  await Promise.all(Array.from({ length: PRELOAD_AT_ONCE }, worker))
}

async function measure(
  { system, workload }: Entry,
  load: Load,
  withWrk: boolean,
  directory: string,
): Promise<Measurement> {
  const before = system.pids.map(usageOf)
  const startMs = performance.now()
  const result = withWrk
    ? await loadWithWrk(workload, load, directory)
    : await loadWithAutocannon(workload, load)
  const seconds = (performance.now() - startMs) / 1000
  const after = system.pids.map(usageOf)
  const shares = after.flatMap((usage, i) => {
    const earlier = before[i]
    if (usage === undefined || earlier === undefined) return []
    return [(usage.cpuSeconds - earlier.cpuSeconds) / seconds]
  })
  const rss = after.flatMap((usage) => (usage === undefined ? [] : [usage.rssBytes]))
  return {
    ...result,
    cpuShares: shares.length === 0 ? undefined : shares,
    rssBytes: rss.length === 0 ? undefined : rss,
  }
}

function report(
  args: BenchArguments,
  entries: readonly Entry[],
  machine: string,
  { print, directory }: BenchTerminal,
): void {
  const rows: Row[] = entries
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ system, workload, rounds }) => ({
      system: system.name,
      workload: workload.name,
      rounds,
    }))
  if (rows.length === 0) return
  const { valueBytes, connections, seconds, rounds } = args
  print(
    `\n${machine}\n${valueBytes}-byte values, ${connections} connections, ${KEYS} keys, medians of ${rounds} rounds of ${seconds} s\n`,
  )
  print(tableOf(rows))
  print(`\n${ratiosOf(rows)}`)
  const results = join(directory, 'results')
  mkdirSync(results, { recursive: true })
  const file = join(results, `bench-${new Date().toISOString().replaceAll(/[:.]/g, '')}.json`)
  writeFileSync(file, JSON.stringify({ machine, args, rows }, undefined, 2))
  print(`\n${file}`)
}

async function describeMachine(withWrk: boolean): Promise<string> {
  const processors = cpus()
  const etcd = (await etcdVersion()) ?? 'not installed'
  const generator = withWrk ? 'wrk' : 'autocannon'
  return (
    `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, Linux ${release()}, Node.js ${process.version}, ` +
    `etcd ${etcd}, load from ${generator} on the same processors`
  )
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = items.length === 0 ? 0 : by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}
