/**
 * The command `check`: it runs a workload or judges a history, writes the files of the run, and returns an exit code.
 */
import { readFile } from 'node:fs/promises'
import { HistoryError, NEMESIS, type HistoryEvent } from '../checker/history/history.ts'
import { readHistory } from '../checker/history/history-file.ts'
import { operationsOf } from '../checker/history/operation.ts'
import { ladderOf } from '../checker/levels/ladder.ts'
import { ladderLines } from '../checker/levels/ladder-words.ts'
import type { Result, Verdict } from '../checker/verdict/verdict.ts'
import { gapText, longestGap } from '../report/analysis/answer-gap.ts'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { readToken } from '../command-line/token.ts'
import { UsageError } from '../command-line/usage-error.ts'
import type { Progress } from '../terminal/progress.ts'
import {
  CHECK_COMMAND,
  EXIT_CRASH,
  parseCheckArguments,
  type CheckArguments,
  type HistoryArguments,
  type LevelsArguments,
  type RunArguments,
} from './check-arguments.ts'
import { isExpected, verdictOnControl } from './workloads/level-promise.ts'
import type { MembershipEnd } from './check-membership.ts'
import { nemesisOf } from './check-nemesis.ts'
import { checkingWork } from './check-progress.ts'
import { rerunCommand } from './rerun-command.ts'
import { makeResultsDir, writeHistory, writeIndex, writeReport, writeResults } from './results.ts'
import { runCheck } from './run.ts'
import { openTarget } from './targets/check-target.ts'

const EXIT_OF_RESULT: Readonly<Record<Result, number>> = { valid: 0, invalid: 1, unknown: 2 }

export interface Terminal extends CommandOutput {
  /** Aborted by the user's first Ctrl-C. */
  readonly stop: AbortSignal
  readonly progress: Progress
}

/** Runs the command and returns its exit code. Prints errors; never throws. */
export function checkCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const read = (): CheckArguments | undefined => parseCheckArguments(argv)
  return runCommand(CHECK_COMMAND, terminal, read, async (args) => {
    try {
      switch (args.command) {
        case 'run':
          return await run(args, terminal)
        case 'history':
          return await judgeFile(args, terminal)
        case 'levels':
          return await tellLevels(args, terminal)
        default:
          return args satisfies never
      }
    } catch (error) {
      if (error instanceof UsageError) throw error
      if (error instanceof HistoryError) throw new UsageError(error.message, { cause: error })
      terminal.complain(
        `check: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
      return EXIT_CRASH
    } finally {
      terminal.progress.end()
    }
  })
}

async function judgeFile(
  { file, model, bounds }: HistoryArguments,
  terminal: Terminal,
): Promise<number> {
  const history = await historyIn(file)
  terminal.progress.show(checkingWork(history))
  const verdict = model.check(history, bounds)
  reportGap(history, terminal)
  report(verdict, terminal)
  return EXIT_OF_RESULT[verdict.result]
}

async function tellLevels({ file, bounds }: LevelsArguments, terminal: Terminal): Promise<number> {
  const history = await historyIn(file)
  terminal.progress.show(checkingWork(history))
  const ladder = ladderOf(history, bounds.initial, {
    ...(bounds.timeMs === undefined ? {} : { timeMs: bounds.timeMs }),
    ...(bounds.memoryBytes === undefined ? {} : { memoryBytes: bounds.memoryBytes }),
  })
  for (const line of ladderLines(ladder)) terminal.print(line)
  return 0
}

async function historyIn(file: string): Promise<HistoryEvent[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `--history ${file}: ${error instanceof Error ? error.message : String(error)}`,
    )
  })
  return readHistory(text)
}

async function run(args: RunArguments, terminal: Terminal): Promise<number> {
  const { print } = terminal
  const startedAt = new Date()
  const token = readToken(args.tokenFile, process.env)
  const target = await openTarget(args, { print, token, stop: terminal.stop })
  try {
    const { endpoints, driver, membership } = target
    const dir = await makeResultsDir(args.resultsDir, args.workload.name, args.seed, startedAt)
    print(
      `check   ${args.workload.name} on bucket ${args.bucket} at ${args.consistency}, seed ${args.seed}`,
    )
    print(`target  ${target.name}: ${endpoints.map(({ node }) => node).join(', ')}`)
    const { stop, progress } = terminal
    const options = { endpoints, token, driver, membership, stop, print, progress }
    const outcome = await runCheck(args, options)
    const { notPromisedBy, history, keyPrefix, unsettled, ownPauseMs, members } = outcome
    progress.show(() => ({ text: 'writing the files of the run' }))
    const verdict =
      notPromisedBy === undefined
        ? outcome.verdict
        : verdictOnControl(outcome.verdict, notPromisedBy)
    await writeHistory(dir, history)
    await writeResults(dir, {
      ...verdict,
      totals: totalsOf(history),
      longestGap: gapOf(history) ?? null,
      ownPauseMs,
      unsettled: unsettled ?? null,
      members: members ?? null,
      notPromisedBy: notPromisedBy ?? null,
      startedAt: startedAt.toISOString(),
      run: settingsOf(args),
      keyPrefix,
    })
    await writeReport(dir, {
      title: args.workload.name,
      verdict,
      history,
      settings: {
        workload: args.workload.name,
        bucket: args.bucket,
        consistency: args.consistency,
        nemesis: nemesisOf(args.faults, args.changesMembers),
        seed: args.seed,
        clients: args.clients,
        rate: args.rate,
        keys: args.keys,
        timeLimitMs: args.timeLimitMs,
        target: target.name,
      },
      command: rerunCommand(args),
      startedAt: startedAt.toISOString(),
      unsettled,
      notPromisedBy: isExpected(verdict) ? notPromisedBy : undefined,
      promise: args.workload.model.promise,
    })
    await writeIndex(args.resultsDir)
    const { ok, fail, info } = totalsOf(history)
    print(`totals  ${ok} ok, ${fail} fail, ${info} info`)
    reportGap(history, terminal)
    print(
      `        the check's own process was paused for up to ${ownPauseMs} ms, which also counts as a gap`,
    )
    if (members !== undefined) reportMembers(members, terminal)
    report(verdict, terminal)
    print(`files   ${dir}: open index.html to see the whole run`)
    const isWrong = members !== undefined && members.wrongs.length > 0
    return isWrong ? EXIT_OF_RESULT.invalid : EXIT_OF_RESULT[verdict.result]
  } finally {
    terminal.progress.show(() => ({ text: 'stopping what the check has started' }))
    await target.close()
  }
}

/** The arguments in a form that can be given again. */
function settingsOf(args: RunArguments): object {
  return { ...args, workload: args.workload.name }
}

function report(verdict: Verdict, { print }: Terminal): void {
  const stats = Object.entries(verdict.stats).map(([name, count]) => `${name} ${count}`)
  print(`counts  ${stats.join(', ')}`)
  for (const { kind, words } of verdict.evidence) print(`  ${kind}: ${words}`)
  print(`verdict ${verdict.sentence}`)
}

function reportMembers(members: MembershipEnd, { print }: Terminal): void {
  const { done, notBegun, leftovers, owned, wrongs } = members
  const counts = Object.entries(owned).map(([node, count]) => `${node} ${count}`)
  const left = Object.entries(leftovers).map(([node, count]) => `${node} ${count}`)
  print(`members changes made: ${done.join(', ')}; data partitions owned: ${counts.join(', ')}`)
  print(
    `        keys on the disks of nodes that have left: ${left.join(', ') || 'no node has left'}`,
  )
  if (notBegun.length > 0) {
    print(`        the run was too short for: ${notBegun.join(', ')}; use a longer --time-limit`)
  }
  for (const wrong of wrongs) print(`        WRONG: ${wrong}`)
}

/** The longest gap in the form of results.json. */
function gapOf(history: readonly HistoryEvent[]): object | undefined {
  const gap = longestGap(history, operationsOf(history))
  if (gap === undefined) return undefined
  const { node, from, to, faults } = gap
  return { node, fromMs: from / 1e6, toMs: to / 1e6, faults }
}

/** Prints nothing if the history names no nodes, which histories of other systems may not. */
function reportGap(history: readonly HistoryEvent[], { print }: Terminal): void {
  const gap = longestGap(history, operationsOf(history))
  if (gap !== undefined) print(`longest gap: ${gapText(gap)}`)
}

/** Counts how the clients' operations ended. */
function totalsOf(history: readonly HistoryEvent[]): { ok: number; fail: number; info: number } {
  const totals = { ok: 0, fail: 0, info: 0 }
  for (const { process, type } of history)
    if (process !== NEMESIS && type !== 'invoke') totals[type]++
  return totals
}
