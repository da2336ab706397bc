/**
 * The files of a run: `results/<time>-<workload>-<seed>/`, and `results/latest`, a link to the newest.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { formatEdn } from '../checker/edn.ts'
import { NEMESIS, type HistoryEvent } from '../checker/history.ts'
import { formatJsonl } from '../checker/jsonl.ts'

/** Makes the directory of a run. `at` names it, in local time. */
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

/** A fault alone: `{"time":3800000000,"action":"start","fault":"kill n5"}`, with the time of the history. */
function formatFault({ time, f, value }: HistoryEvent): string {
  return JSON.stringify({ time, action: f, fault: value })
}

export async function writeResults(dir: string, results: unknown): Promise<void> {
  await writeFile(path.join(dir, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`)
}

async function writeLines(
  file: string,
  events: readonly HistoryEvent[],
  format: (event: HistoryEvent) => string,
): Promise<void> {
  const lines = Readable.from(events).map((event: HistoryEvent) => `${format(event)}\n`)
  await pipeline(lines, createWriteStream(file))
}

/** A rename replaces the old link in one step, so that two runs at once leave one of theirs. */
async function pointLatest(parent: string, name: string): Promise<void> {
  const link = path.join(parent, 'latest')
  const fresh = path.join(parent, `.latest-${process.pid}`)
  await rm(fresh, { force: true })
  await symlink(name, fresh)
  await rename(fresh, link)
}
