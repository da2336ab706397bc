/**
 * Writes the files of a run into `results/<time>-<workload>-<seed>/`. `results/latest` links to the newest run, and
 * `results/index.html` lists all runs.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { formatEdn } from '../checker/history/edn.ts'
import { NEMESIS, type HistoryEvent } from '../checker/history/history.ts'
import { formatJsonl } from '../checker/history/jsonl.ts'
import { nemesisOf } from './check-nemesis.ts'
import { renderIndex, type RunSummary } from '../report/run-index.ts'
import { renderReport } from '../report/run-report.ts'
import type { RunReport } from '../report/analysis/report-input.ts'

/** Creates the directory of a run. Its name holds `at` in local time. */
export async function makeResultsDir(
  parent: string,
  workload: string,
  seed: string,
  at: Date,
): Promise<string> {
  const pad = (n: number): string => String(n).padStart(2, '0')
  const day = `${at.getFullYear()}${pad(at.getMonth() + 1)}${pad(at.getDate())}`
  const time = `${pad(at.getHours())}${pad(at.getMinutes())}${pad(at.getSeconds())}`
  const name = `${day}T${time}-${workload}-${seed}`
  const dir = path.join(parent, name)
  await mkdir(dir, { recursive: true })
  await pointLatest(parent, name)
  return dir
}

export async function writeHistory(dir: string, events: readonly HistoryEvent[]): Promise<void> {
  await writeLines(path.join(dir, 'history.jsonl'), events, formatJsonl)
  await writeLines(path.join(dir, 'history.edn'), events, formatEdn)
  const faults = events.filter(({ process }) => process === NEMESIS)
  await writeLines(path.join(dir, 'chaos.jsonl'), faults, formatFault)
}

/** One step of the nemesis: `{"time":3800000000,"action":"start","fault":"kill n5"}`, with the time of the history. */
function formatFault({ time, f, value }: HistoryEvent): string {
  return JSON.stringify({ time, action: f, fault: value })
}

export async function writeResults(dir: string, results: unknown): Promise<void> {
  await writeFile(path.join(dir, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`)
}

export async function writeReport(dir: string, report: RunReport): Promise<void> {
  await writeFile(path.join(dir, 'index.html'), await renderReport(report))
}

/** Writes the list of all runs in `parent` whose results can be read. */
export async function writeIndex(parent: string): Promise<void> {
  const entries = await readdir(parent, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const runs = await Promise.all(names.map((name) => summaryOf(parent, name)))
  const page = renderIndex(runs.filter((run) => run !== undefined))
  // Rename the page into place: of two runs at once, either writes a complete page.
  const fresh = path.join(parent, `.index-${process.pid}.html`)
  await writeFile(fresh, page)
  await rename(fresh, path.join(parent, 'index.html'))
}

/** Undefined if the directory holds no results: the run is under way, was aborted, or this is no run. */
async function summaryOf(parent: string, dir: string): Promise<RunSummary | undefined> {
  try {
    const text = await readFile(path.join(parent, dir, 'results.json'), 'utf8')
    const { result, sentence, startedAt, run } = JSON.parse(text) as Omit<RunSummary, 'dir'> & {
      readonly run: Pick<RunSummary, 'workload' | 'bucket' | 'consistency' | 'seed'> & {
        readonly faults: readonly string[]
        /** Absent in results of older versions. */
        readonly changesMembers?: boolean
      }
    }
    const { workload, bucket, consistency, seed, faults } = run
    const nemesis = nemesisOf(faults, run.changesMembers === true)
    return { dir, workload, bucket, consistency, nemesis, seed, result, sentence, startedAt }
  } catch {
    return undefined
  }
}

async function writeLines(
  file: string,
  events: readonly HistoryEvent[],
  format: (event: HistoryEvent) => string,
): Promise<void> {
  const lines = Readable.from(events).map((event: HistoryEvent) => `${format(event)}\n`)
  await pipeline(lines, createWriteStream(file))
}

/** A rename replaces the old link atomically, so that two runs at once leave one valid link. */
async function pointLatest(parent: string, name: string): Promise<void> {
  const link = path.join(parent, 'latest')
  const fresh = path.join(parent, `.latest-${process.pid}`)
  await rm(fresh, { force: true })
  await symlink(name, fresh)
  await rename(fresh, link)
}
