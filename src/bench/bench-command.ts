/**
 * The command `npm run bench`: it measures this store, a three-node etcd and the single-node limit under the same load
 * in one run. Rounds are short and their order rotates, because machines are noisy and only ratios of one run count.
 *
 * Invariant: after the command has ended, even by an error, nothing that it started runs and none of its data is left.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadWithAutocannon } from './load/autocannon-load.ts'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
import {
  BENCH_COMMAND,
  type BenchArguments,
  EXIT_STOPPED,
  parseBenchArguments,
} from './bench-arguments.ts'
import { planSystems, selectWorkloads, type SystemPlan } from './bench-plan.ts'
import { guardLeftovers } from './systems/child-process.ts'
import { checkAnswers, countKeys, fillKeys } from './load/key-space.ts'
import { describeMachine, inspectMachine, type Machine } from './machine.ts'
import { usageOf, usedByOthers, waitUntilIdle } from './process-usage.ts'
import { nowUs, printProfile, readProfile, reportProfile, type Stretch } from './profile-report.ts'
import {
  asPercent,
  disturbanceOf,
  OTHERS_SHARE_MAX,
  ratiosOf,
  type Row,
  tableOf,
} from './report.ts'
import { isSteady } from './steadiness.ts'
import type { Measurement, RunningSystem, Workload } from './systems/system.ts'
import { hasWrk, type Load, loadWithWrk } from './load/wrk.ts'

export interface BenchTerminal extends CommandOutput {
  /** Aborted by Ctrl-C. The command then reports what it has measured so far. */
  readonly stop: AbortSignal
  /** The directory that holds `results`. */
  readonly directory: string
}

interface Entry {
  readonly plan: SystemPlan
  readonly system: RunningSystem
  readonly workload: Workload
  readonly rounds: Measurement[]
  readonly stretches: Stretch[]
}

interface Terminal extends BenchTerminal {
  /** Prints progress, which is not part of the result. */
  readonly tell: (line: string) => void
}

interface Run {
  readonly args: BenchArguments
  readonly terminal: Terminal
  /** The directory of the data; removed afterwards. */
  readonly directory: string
  readonly machine: Machine
  readonly value: string
  readonly keys: number
  /** The systems that have started so far. */
  readonly systems: RunningSystem[]
  /** The systems that took puts since their keys were filled. */
  readonly raced: Set<RunningSystem>
}

const EXIT_OK = 0
const EXIT_FAILED = 1
const PROFILE_TOP = 25
const FILL_ATTEMPTS_MAX = 3
const WARM_UP_STEP_SECONDS = 3

/** Resolves to the exit code. */
export function benchCommand(argv: readonly string[], terminal: BenchTerminal): Promise<number> {
  const read = (): BenchArguments | undefined => parseBenchArguments(argv)
  return runCommand(BENCH_COMMAND, terminal, read, async (args) => {
    try {
      const tell = args.isMarkdown ? (): void => {} : terminal.print
      await bench(args, { ...terminal, tell })
      return terminal.stop.aborted ? EXIT_STOPPED : EXIT_OK
    } catch (error) {
      if (error instanceof UsageError) throw error
      terminal.complain(`bench: ${(error as Error).message}`)
      return EXIT_FAILED
    }
  })
}

async function bench(args: BenchArguments, terminal: Terminal): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
  const guard = guardLeftovers(directory)
  const systems: RunningSystem[] = []
  const entries: Entry[] = []
  try {
    const machine = await inspectMachine(await hasWrk(), directory)
    const value = 'x'.repeat(args.valueBytes)
    const keys = countKeys(args.valueBytes)
    const raced = new Set<RunningSystem>()
    const run: Run = { args, terminal, directory, machine, value, keys, systems, raced }
    const withEtcd = args.withEtcd && machine.etcd !== undefined
    const { profileDir } = args
    const plans = planSystems({
      directory,
      value,
      profileDir,
      withEtcd,
      guard,
      stop: terminal.stop,
    })
    terminal.tell(describeMachine(machine))
    for (const plan of choose(plans, args.only)) entries.push(...(await startAndFill(run, plan)))
    for (const entry of entries) await warmUp(run, entry)
    await measureRounds(run, entries)
    report(run, entries)
  } catch (error) {
    // A stop makes the work under way fail, which is not an error.
    if (!terminal.stop.aborted) throw error
  } finally {
    await Promise.allSettled(systems.map((system) => system.stop()))
    rmSync(directory, { recursive: true, force: true })
    guard.release()
  }
  // The nodes have written their profiles while they stopped.
  if (args.profileDir !== undefined) reportProfiles(args.profileDir, entries, terminal)
}

function choose(plans: readonly SystemPlan[], only: readonly string[]): SystemPlan[] {
  const known = plans.flatMap(({ workloads }) => workloads.map(({ name }) => name))
  const unknown = only.find((name) => !known.includes(name))
  if (unknown === undefined) return selectWorkloads(plans, only)
  throw new UsageError(`--only ${unknown}: what can be measured here is ${known.join(', ')}`)
}

async function startAndFill(run: Run, plan: SystemPlan): Promise<Entry[]> {
  run.terminal.stop.throwIfAborted()
  const system = await plan.start()
  run.systems.push(system)
  await fillKeys(system, plan.write, run.keys)
  return plan.workloads.map((workload) => ({ plan, system, workload, rounds: [], stretches: [] }))
}

/**
 * Loads until the rate no longer rises. Nodes of this store needed 18 s of puts until the runtime had compiled the hot
 * code, and were then twice as fast.
 */
async function warmUp(run: Run, entry: Entry): Promise<void> {
  const { args, terminal } = run
  await prepare(run, entry)
  const rates: number[] = []
  let leftSeconds = args.warmUpSeconds
  while (leftSeconds > 0 && !isSteady(rates)) {
    const seconds = Math.min(leftSeconds, WARM_UP_STEP_SECONDS)
    leftSeconds -= seconds
    rates.push((await load(run, entry, seconds)).requestsPerSecond)
  }
  const told = rates.map((rate) => Math.round(rate)).join(', ')
  terminal.tell(`warming up ${entry.workload.name}: ${told}/s`)
}

/**
 * Racing puts leave siblings, and weak puts arrive late. So before gets are measured, each key is written once again.
 * Throws if the nodes then still give unexpected answers.
 */
async function prepare(run: Run, { plan, system, workload }: Entry): Promise<void> {
  const { value, keys, raced } = run
  if (workload.valueIn === undefined) {
    raced.add(system)
    await checkAnswers(system, workload, value, keys)
    return
  }
  for (let attempt = 1; ; attempt++) {
    if (raced.delete(system)) await fillKeys(system, plan.write, keys)
    try {
      await checkAnswers(system, workload, value, keys)
      return
    } catch (error) {
      if (attempt === FILL_ATTEMPTS_MAX) throw error
      raced.add(system)
    }
  }
}

async function measureRounds(run: Run, entries: readonly Entry[]): Promise<void> {
  const { args, terminal, systems, value } = run
  const pids = systems.flatMap((system) => system.pids)
  for (let round = 0; round < args.rounds && !terminal.stop.aborted; round++) {
    for (const entry of rotated(entries, round)) {
      const { workload } = entry
      await prepare(run, entry)
      await waitUntilIdle(pids)
      const fromUs = nowUs()
      const measured = await load(run, entry, args.seconds).catch((error: unknown) => {
        if (terminal.stop.aborted) return undefined
        throw error
      })
      if (measured === undefined) return
      entry.stretches.push({ fromUs, toUs: nowUs() })
      entry.rounds.push(measured)
      if (workload.valueIn !== undefined && measured.bytesPerAnswer < value.length)
        throw new Error(`${workload.name}: the answers are smaller than the written value`)
      terminal.tell(`round ${round + 1}  ${workload.name}: ${inShort(measured)}`)
    }
  }
}

async function load(run: Run, { system, workload }: Entry, seconds: number): Promise<Measurement> {
  const { args, terminal, machine, directory, keys } = run
  const { urls, pids } = system
  const allPids = run.systems.flatMap((one) => one.pids)
  const wanted: Load = { urls, connections: args.connections, seconds, keys, stop: terminal.stop }
  const before = pids.map(usageOf)
  const othersBefore = usedByOthers(allPids)
  const startMs = performance.now()
  const result =
    machine.loadGenerator === 'wrk'
      ? await loadWithWrk(workload, wanted, directory)
      : await loadWithAutocannon(workload, wanted)
  const tookSeconds = (performance.now() - startMs) / 1000
  const after = pids.map(usageOf)
  const othersAfter = usedByOthers(allPids)
  const shares = after.flatMap((usage, i) => {
    const earlier = before[i]
    if (usage === undefined || earlier === undefined) return []
    return [(usage.cpuSeconds - earlier.cpuSeconds) / tookSeconds]
  })
  const rss = after.flatMap((usage) => (usage === undefined ? [] : [usage.rssBytes]))
  return {
    ...result,
    cpuShares: shares.length === 0 ? undefined : shares,
    rssBytes: rss.length === 0 ? undefined : rss,
    othersShare:
      othersBefore === undefined || othersAfter === undefined
        ? undefined
        : Math.max(0, othersAfter - othersBefore) / tookSeconds / machine.cores,
  }
}

function inShort({ requestsPerSecond, p99Ms, errors, othersShare = 0 }: Measurement): string {
  const failed = errors === 0 ? '' : `, ${errors} errors`
  const others =
    othersShare < OTHERS_SHARE_MAX ? '' : `, ${asPercent(othersShare)} went to other processes`
  return `${Math.round(requestsPerSecond)}/s, p99 ${p99Ms.toFixed(1)} ms${failed}${others}`
}

function report({ args, keys, machine, terminal }: Run, entries: readonly Entry[]): void {
  const rows: Row[] = entries
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ system, workload, rounds }) => ({
      system: system.name,
      workload: workload.name,
      rounds,
    }))
  if (rows.length === 0) return
  const { valueBytes, connections, seconds, rounds } = args
  const { print, tell } = terminal
  print(
    `${describeMachine(machine)}. ${valueBytes}-byte values, ${connections} connections, ${keys} keys, ` +
      `medians of ${rounds} rounds of ${seconds} s; p99 is that of the slowest node.${disturbanceOf(rows)}\n`,
  )
  print(tableOf(rows))
  print(`\n${ratiosOf(rows)}`)
  const results = join(terminal.directory, 'results')
  mkdirSync(results, { recursive: true })
  const file = join(results, `bench-${new Date().toISOString().replaceAll(/[:.]/g, '')}.json`)
  writeFileSync(file, JSON.stringify({ machine, args, keys, rows }, undefined, 2))
  tell(`\n${file}`)
}

/** Reports the profile of the first node while it was measured. The other nodes do the same work. */
function reportProfiles(
  directory: string,
  entries: readonly Entry[],
  { print }: BenchTerminal,
): void {
  for (const { plan, system, workload, stretches } of entries) {
    if (!plan.isProfiled || stretches.length === 0) continue
    const profile = readProfile(directory, system.pids[0] ?? 0)
    if (profile === undefined) continue
    const told = reportProfile(profile, stretches)
    const idle = `idle ${Math.round(told.idleShare * 100)} % of the time`
    print(`\n${workload.name}: n1, ${idle}; shares of the rest`)
    for (const line of printProfile(told, PROFILE_TOP)) print(line)
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = items.length === 0 ? 0 : by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}
