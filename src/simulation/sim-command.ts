/** The command `sim`: one run, many runs, or the search for planted bugs. */
import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import type { Progress, Work } from '../terminal/progress.ts'
import type { Plan } from './plan/plan.ts'
import { planCommand } from './plan-command.ts'
import type { PlantedBug } from './bugs/planted-bug.ts'
import { RunPool } from './run-pool.ts'
import type { WorkerAnswer } from './run-worker.ts'
import { ATTEMPTS_MAX, shrink } from './shrink.ts'
import {
  parseSimArguments,
  planDefaultsOf,
  replayCommand,
  SIM_COMMAND,
  type SimArguments,
} from './sim-arguments.ts'
import { storyLines, transcript } from './record/transcript.ts'

const EXIT_FOUND = 1
const REPORT_INTERVAL_MS = 10_000

export interface SimOutput extends CommandOutput {
  readonly progress: Progress
}

/** Runs the command and returns its exit code. */
export function simCommand(argv: readonly string[], output: SimOutput): Promise<number> {
  const read = (): SimArguments | undefined => parseSimArguments(argv)
  return runCommand(SIM_COMMAND, output, read, (args) =>
    run(args, output).finally(() => output.progress.end()),
  )
}

async function run(args: SimArguments, output: SimOutput): Promise<number> {
  if (args.planFile !== undefined) return planCommand(args.planFile, args.traceFile, output)
  if (args.isSearch) return findPlanted(args, output)
  const planted = args.planted[0]
  const threads = Math.max(1, Math.min(availableParallelism(), args.seeds))
  const pool = new RunPool(threads, planted?.name)
  try {
    if (args.seeds === 1) return await runOne(pool, args, output)
    return await runMany(pool, args, output)
  } finally {
    await pool.close()
  }
}

async function runOne(pool: RunPool, args: SimArguments, output: SimOutput): Promise<number> {
  const { seed, seconds: virtual } = args.plan
  output.progress.show(() => ({ text: `seed ${seed}: simulating ${virtual} s` }))
  const answer = await pool.run(args.plan, args.traceFile !== undefined)
  if (args.traceFile !== undefined) writeTrace(args.traceFile, answer)
  output.print(summary(answer))
  if (answer.violation === undefined) {
    output.print(`no violation found; trace hash ${answer.hash}`)
    return 0
  }
  await explain(pool, answer, args.planted[0], output)
  output.print(`trace hash ${answer.hash}`)
  return EXIT_FOUND
}

async function runMany(pool: RunPool, args: SimArguments, output: SimOutput): Promise<number> {
  const { plan, seeds } = args
  const first = Number(plan.seed)
  const startMs = performance.now()
  let done = 0
  let simulatedMs = 0
  let messages = 0
  let faults = 0
  const failed: WorkerAnswer[] = []
  const report = (): void =>
    output.print(
      `${done} of ${seeds} runs done, ${failed.length} with a violation; ` +
        `${seconds(simulatedMs)} simulated in ${seconds(performance.now() - startMs)}, ` +
        `${messages} messages, ${faults} faults`,
    )
  const reports = setInterval(report, REPORT_INTERVAL_MS)
  output.progress.show(() => ({
    text: `${done} of ${seeds} seeds${failed.length === 0 ? '' : `, ${failed.length} failed`}`,
    share: { done, all: seeds, isEven: true },
  }))
  await Promise.all(
    Array.from({ length: seeds }, async (_, i) => {
      const answer = await pool.run({ ...plan, seed: String(first + i) })
      done++
      simulatedMs += answer.simulatedMs
      messages += answer.messages
      faults += answer.faults
      if (answer.violation === undefined) return
      failed.push(answer)
      output.print(`seed ${answer.plan.seed}: ${answer.violation.message}`)
    }),
  )
  clearInterval(reports)
  output.progress.end()
  report()
  output.print(`commit ${commit()}, seeds ${first} to ${first + seeds - 1}, ${plan.seconds} s each`)
  const [example] = failed.sort((a, b) => Number(a.plan.seed) - Number(b.plan.seed))
  if (example === undefined) return 0
  await explain(pool, example, args.planted[0], output)
  return EXIT_FOUND
}

/** Searches for each bug with as many seeds as it states, from 1 on. */
async function findPlanted({ planted }: SimArguments, output: SimOutput): Promise<number> {
  let missed = 0
  let done = 0
  let tried = 0
  output.progress.show(() => searchWork(planted, done, tried))
  for (const bug of planted) {
    tried = 0
    const pool = new RunPool(availableParallelism(), bug.name)
    const found = await findBug(pool, bug, (seeds) => void (tried = seeds))
    if (found === undefined) missed++
    else if (planted.length === 1) await explain(pool, found, bug, output)
    await pool.close()
    output.print(
      found === undefined
        ? `MISSED ${bug.name}: no violation in ${bug.seeds} seeds (the bug: ${bug.what})`
        : `found ${bug.name} with seed ${found.plan.seed} (at most ${bug.seeds} seeds are allowed): ` +
            `${found.violation?.invariant ?? ''}: ${firstLine(found.violation?.message ?? '')}`,
    )
    done++
  }
  output.print(`${planted.length - missed} of ${planted.length} planted bugs found`)
  return missed === 0 ? 0 : EXIT_FOUND
}

/** How far the search is: `done` bugs are behind it, and `tried` seeds did not show the next one. */
function searchWork(planted: readonly PlantedBug[], done: number, tried: number): Work {
  const all = planted.length
  const bug = planted[done]
  if (bug === undefined) return { text: `${all} bugs`, share: { done, all, isEven: true } }
  const text = `${bug.name}, ${tried} of at most ${bug.seeds} seeds tried`
  if (all === 1) return { text, share: { done: tried, all: bug.seeds, isEven: false } }
  return { text: `bug ${done + 1} of ${all}: ${text}`, share: { done, all, isEven: true } }
}

/** The first run that finds the bug; undefined if no run does. `onTried` is told how many seeds did not. */
export async function findBug(
  pool: RunPool,
  bug: PlantedBug,
  onTried: (seeds: number) => void = () => {},
): Promise<WorkerAnswer | undefined> {
  const threads = availableParallelism()
  for (let seed = 1; seed <= bug.seeds; seed += threads) {
    const some = Array.from({ length: Math.min(threads, bug.seeds - seed + 1) }, (_, i) =>
      pool.run({ ...planDefaultsOf(bug), seed: String(seed + i) }),
    )
    const found = (await Promise.all(some)).find(({ violation }) => violation !== undefined)
    if (found !== undefined) return found
    onTried(seed + some.length - 1)
  }
  return undefined
}

/** Prints the violation, the story of the smallest failing run, and the commands that repeat both runs. */
async function explain(
  pool: RunPool,
  answer: WorkerAnswer,
  planted: PlantedBug | undefined,
  { print, progress }: SimOutput,
): Promise<void> {
  print(`\nVIOLATION (seed ${answer.plan.seed}): ${answer.violation?.message ?? ''}`)
  print('searching for a smaller run that breaks the same invariant …')
  let tried = 0
  progress.show(() => ({ text: `${tried} smaller runs tried, of at most ${ATTEMPTS_MAX}` }))
  const smallest = await shrink(answer, async (plan) => {
    const smaller = await pool.run(plan)
    tried++
    return smaller
  })
  const { story } = await pool.run(smallest.plan, true)
  print(
    `\nbroken invariant: ${smallest.violation?.invariant ?? ''}: ${smallest.violation?.message ?? ''}\n`,
  )
  for (const line of transcript(story, smallest.plan.nodes, smallest.violation?.key)) print(line)
  print(`\nrepeat this smaller run: ${replayCommand(smallest.plan, planted?.name)}`)
  print(`repeat the first run:    ${replayCommand(answer.plan, planted?.name)}`)
}

function summary(answer: WorkerAnswer): string {
  const { plan, simulatedMs, realMs, events, messages, faults, calls } = answer
  return [
    `seed ${plan.seed}, commit ${commit()}`,
    `${seconds(simulatedMs)} simulated in ${seconds(realMs)} (${Math.round(simulatedMs / realMs)} times faster than real time)`,
    `${events} events, ${messages} messages, ${calls} calls, ${faults} faults`,
  ].join('\n')
}

function writeTrace(file: string, { story, plan }: WorkerAnswer): void {
  writeFileSync(file, [JSON.stringify(plan satisfies Plan), ...storyLines(story), ''].join('\n'))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

function commit(): string {
  try {
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const options: ExecFileSyncOptionsWithStringEncoding = {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }
    const name = execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim()
    const changes = execFileSync('git', ['status', '--porcelain', '--', 'src'], options)
    return changes === '' ? name : `${name} with changes`
  } catch {
    return 'unknown'
  }
}
