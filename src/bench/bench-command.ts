/**
 * The command `npm run bench`: it measures this store, other stores and the single-node limit under the same load in
 * one run. Rounds are short and their order rotates, because machines are noisy and only ratios of one run count.
 *
 * Invariant: after the command has ended, even by an error, nothing that it started runs and none of its data is left.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
import type { Progress } from '../terminal/progress.ts'
import {
  BENCH_COMMAND,
  type BenchArguments,
  EXIT_STOPPED,
  parseBenchArguments,
} from './bench-arguments.ts'
import { groupPlans, planSystems, selectWorkloads, type SystemPlan } from './bench-plan.ts'
import { checkAnswers, countKeys, fillKeys } from './load/key-space.ts'
import { findLoadGenerator, type LoadGenerator } from './load/load-generator.ts'
import { describeMachine, inspectMachine, type Machine } from './machine.ts'
import { measureLoad } from './measured-load.ts'
import { waitUntilIdle } from './process-usage.ts'
import { nowUs, printProfile, readProfile, reportProfile, type Stretch } from './profile-report.ts'
import {
  asPercent,
  disturbanceOf,
  OTHERS_SHARE_MAX,
  type Row,
  tableOf,
  targetsOf,
} from './report.ts'
import { loadUntilSteady } from './steadiness.ts'
import { planSecured, securityCosts } from './secured-plan.ts'
import { Steps } from './steps.ts'
import { guardLeftovers } from './systems/child-process.ts'
import { findInstalled, OTHER_SYSTEMS } from './systems/other-systems.ts'
import type { Measurement, RunningSystem, Workload } from './systems/system.ts'

export interface BenchTerminal extends CommandOutput {
  /** Aborted by Ctrl-C. The command then reports what it has measured so far. */
  readonly stop: AbortSignal
  /** The directory that holds `results`. */
  readonly directory: string
  readonly progress: Progress
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
  readonly machine: Machine
  readonly generator: LoadGenerator
  readonly value: string
  readonly keys: number
  /** The systems that run. */
  readonly systems: Set<RunningSystem>
  /** The systems that took puts since their keys were filled. */
  readonly raced: Set<RunningSystem>
  readonly steps: Steps
}

const EXIT_OK = 0
const EXIT_FAILED = 1
const PROFILE_TOP = 25
const FILL_ATTEMPTS_MAX = 3

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
    } finally {
      terminal.progress.end()
    }
  })
}

async function bench(args: BenchArguments, terminal: Terminal): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
  const guard = guardLeftovers(directory)
  const entries: Entry[] = []
  try {
    const others = await findInstalled(args.isSecured ? OTHER_SYSTEMS : args.without)
    const generator = await findLoadGenerator(directory)
    const machine = inspectMachine(others, generator.program, directory)
    const value = 'x'.repeat(args.valueBytes)
    const keys = countKeys(args.valueBytes)
    const systems = new Set<RunningSystem>()
    const raced = new Set<RunningSystem>()
    const { profileDir } = args
    const { stop } = terminal
    const planned = { directory, value, profileDir, others, guard, stop }
    const plans = args.isSecured ? planSecured(planned) : planSystems(planned)
    const groups = groupPlans(choose(plans, args.only))
    terminal.tell(describeMachine(machine))
    const steps = new Steps(terminal.progress, secondsOf(groups.flat(), args), 'seconds')
    const run: Run = { args, terminal, machine, generator, value, keys, systems, raced, steps }
    for (const group of groups) await measureGroup(run, group, entries)
    report(run, entries)
  } finally {
    rmSync(directory, { recursive: true, force: true })
    guard.release()
  }
  // The nodes have written their profiles while they stopped.
  if (args.profileDir !== undefined) reportProfiles(args.profileDir, entries, terminal)
}

/** Starts these systems, measures them in alternating rounds, and stops them. Adds to `entries`. */
async function measureGroup(
  run: Run,
  group: readonly SystemPlan[],
  entries: Entry[],
): Promise<void> {
  const { systems, terminal } = run
  const own: Entry[] = []
  try {
    for (const plan of group) own.push(...(await startAndFill(run, plan)))
    for (const entry of own) await warmUp(run, entry)
    entries.push(...own)
    await measureRounds(run, own)
  } catch (error) {
    // A stop makes the work under way fail, which is not an error.
    if (!terminal.stop.aborted) throw error
  } finally {
    await Promise.allSettled([...systems].map((system) => system.stop()))
    systems.clear()
  }
}

/** How long the systems will be under load, at most. */
function secondsOf(
  plans: readonly SystemPlan[],
  { warmUpSeconds, rounds, seconds }: BenchArguments,
): number {
  const workloads = plans.flatMap((plan) => plan.workloads)
  return workloads.length * (warmUpSeconds + rounds * seconds)
}

function choose(plans: readonly SystemPlan[], only: readonly string[]): SystemPlan[] {
  const known = plans.flatMap(({ workloads }) => workloads.map(({ name }) => name))
  const unknown = only.find((name) => !known.includes(name))
  if (unknown === undefined) return selectWorkloads(plans, only)
  throw new UsageError(`--only ${unknown}: what can be measured here is ${known.join(', ')}`)
}

async function startAndFill(run: Run, plan: SystemPlan): Promise<Entry[]> {
  run.terminal.stop.throwIfAborted()
  run.steps.begin(`starting ${plan.name} and filling its keys`, 0)
  const system = await plan.start()
  run.systems.add(system)
  await fillKeys(system, plan.write, run.keys, run.terminal.stop)
  return plan.workloads.map((workload) => ({ plan, system, workload, rounds: [], stretches: [] }))
}

async function warmUp(run: Run, entry: Entry): Promise<void> {
  const { args, terminal } = run
  run.steps.begin(`warming up ${entry.workload.name}`, args.warmUpSeconds)
  await prepare(run, entry)
  const rates = await loadUntilSteady(async (seconds, step) => {
    const { requestsPerSecond } = await load(run, entry, seconds, step)
    return requestsPerSecond
  }, args.warmUpSeconds)
  const told = rates.map((rate) => Math.round(rate)).join(', ')
  terminal.tell(`warming up ${entry.workload.name}: ${told}/s`)
}

/**
 * Racing puts leave siblings, and weak puts arrive late. So before gets are measured, each key is written once again.
 * Throws if the nodes then still give unexpected answers. Client libraries check every answer themselves.
 */
async function prepare(run: Run, { plan, system, workload }: Entry): Promise<void> {
  const { value, keys, raced, terminal } = run
  if (workload.via !== 'http') return
  if (workload.valueIn === undefined) {
    raced.add(system)
    await checkAnswers(system, workload, value, keys)
    return
  }
  for (let attempt = 1; ; attempt++) {
    if (raced.delete(system)) await fillKeys(system, plan.write, keys, terminal.stop)
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
  const { args, terminal, systems, value, steps } = run
  const pids = [...systems].flatMap((system) => system.pids)
  for (let round = 0; round < args.rounds && !terminal.stop.aborted; round++) {
    for (const entry of rotated(entries, round)) {
      const { workload } = entry
      steps.begin(`round ${round + 1} of ${args.rounds}, ${workload.name}`, args.seconds)
      await prepare(run, entry)
      await waitUntilIdle(pids)
      const fromUs = nowUs()
      const measured = await load(run, entry, args.seconds, round).catch((error: unknown) => {
        if (terminal.stop.aborted) return undefined
        throw error
      })
      if (measured === undefined) return
      entry.stretches.push({ fromUs, toUs: nowUs() })
      entry.rounds.push(measured)
      if (isGet(workload) && measured.bytesPerAnswer < value.length)
        throw new Error(`${workload.name}: the answers are smaller than the written value`)
      terminal.tell(`round ${round + 1}  ${workload.name}: ${inShort(measured)}`)
    }
  }
}

function isGet(workload: Workload): boolean {
  return workload.via === 'http' ? workload.valueIn !== undefined : workload.operation === 'get'
}

function load(
  { args, terminal, generator, keys, systems }: Run,
  { system, workload }: Entry,
  seconds: number,
  turn: number,
): Promise<Measurement> {
  const { connections } = args
  const pids = [...systems].flatMap((one) => one.pids)
  const { stop } = terminal
  return measureLoad(generator, { system, workload, seconds, connections, keys, turn, pids, stop })
}

function inShort(measured: Measurement): string {
  const { requestsPerSecond, p99Ms, cpuUs, errors, othersShare = 0 } = measured
  const cpu = cpuUs === undefined ? '' : `, ${Math.round(cpuUs)} µs of CPU`
  const failed = errors === 0 ? '' : `, ${errors} errors`
  const others =
    othersShare < OTHERS_SHARE_MAX ? '' : `, ${asPercent(othersShare)} went to other processes`
  return `${Math.round(requestsPerSecond)}/s, p99 ${p99Ms.toFixed(1)} ms${cpu}${failed}${others}`
}

function report({ args, keys, machine, terminal }: Run, entries: readonly Entry[]): void {
  const rows: Row[] = entries
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ plan, workload, rounds }) => ({
      system: plan.name,
      workload: workload.name,
      rounds,
    }))
  if (rows.length === 0) return
  const { valueBytes, connections, seconds, rounds } = args
  const { print, tell } = terminal
  print(
    `${describeMachine(machine)}. ${valueBytes}-byte values, ${connections} connections, ${keys} keys, ` +
      `medians of ${rounds} rounds of ${seconds} s; p99 is that of the slowest node. ` +
      `Node.js clients made the load of the systems with their own protocol.${disturbanceOf(rows)}\n`,
  )
  print(tableOf(rows))
  const costs = securityCosts(rows)
  if (costs !== '') print(`\n${costs}`)
  const targets = targetsOf(rows)
  if (targets !== '') print(`\n${targets}`)
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
