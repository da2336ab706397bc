/**
 * Makes load with wrk: one process for each node, started together, each with its share of the connections. The
 * requests are built before the clock starts, so that the generator costs little.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Workload } from '../systems/system.ts'

const run = promisify(execFile)
const MARK = 'RESULT '
const GRACE_MS = 20_000

export interface Load {
  readonly urls: readonly string[]
  readonly connections: number
  readonly seconds: number
  readonly keys: number
  /** Aborts the load. */
  readonly stop: AbortSignal
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
  readonly bytesPerAnswer: number
}

export async function hasWrk(): Promise<boolean> {
  // wrk prints its version but exits with an error.
  const said = await run('wrk', ['--version']).catch((error: { stdout?: string }) => error)
  return 'stdout' in said && /wrk/.test(said.stdout ?? '')
}

export async function loadWithWrk(
  workload: Workload,
  load: Load,
  directory: string,
): Promise<LoadResult> {
  const script = join(directory, `${workload.name.replaceAll(/\W+/g, '-')}.lua`)
  writeFileSync(script, luaScript(workload, load.keys))
  const results = await Promise.all(
    load.urls.map(async (url, i) => {
      const connections = shareOf(load.connections, load.urls.length, i)
      const args = ['-t1', `-c${connections}`, `-d${load.seconds}s`, '-s', script, url]
      const timeout = load.seconds * 1000 + GRACE_MS
      const { stdout } = await run('wrk', args, { timeout, signal: load.stop })
      return parseWrk(stdout)
    }),
  )
  return mergeResults(results)
}

/** Parses the line that the script prints at its end. */
export function parseWrk(stdout: string): LoadResult {
  const line = stdout.split('\n').find((text) => text.startsWith(MARK))
  if (line === undefined) throw new Error(`wrk printed no result: ${stdout.slice(0, 200)}`)
  const numbers = line.slice(MARK.length).split(' ').map(Number)
  const [answers = 0, microseconds = 1, p50 = 0, p99 = 0, refused = 0, broken = 0, bytes = 0] =
    numbers
  return {
    requestsPerSecond: (answers - refused) / (microseconds / 1e6),
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    errors: refused + broken,
    bytesPerAnswer: answers === 0 ? 0 : bytes / answers,
  }
}

/** Adds the rates, weights medians and sizes by the rates, and takes the worst p99. */
export function mergeResults(results: readonly LoadResult[]): LoadResult {
  const total = results.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0)
  const weighted = (what: 'p50Ms' | 'bytesPerAnswer'): number =>
    total === 0 ? 0 : results.reduce((sum, r) => sum + r[what] * r.requestsPerSecond, 0) / total
  return {
    requestsPerSecond: total,
    p50Ms: weighted('p50Ms'),
    p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
    errors: results.reduce((sum, { errors }) => sum + errors, 0),
    bytesPerAnswer: weighted('bytesPerAnswer'),
  }
}

/** Divides evenly: 64 by three gives 22, 21, 21. wrk needs at least one connection. */
export function shareOf(connections: number, parts: number, part: number): number {
  return Math.max(1, Math.floor(connections / parts) + (part < connections % parts ? 1 : 0))
}

/** wrk counts a status above 399 as an error. `checkAnswers` distinguishes the statuses below. */
function luaScript({ method, path, body, keyOf }: Workload, keys: number): string {
  const names = Array.from({ length: keys }, (_, i) => `"${keyOf(i)}"`).join(',')
  return `
local keys = {${names}}
local requests = {}
local function fill(text, key) return (text:gsub("{key}", function() return key end)) end
function init()
  math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000000)
  local body = [==[${body}]==]
  for i, key in ipairs(keys) do
    requests[i] = wrk.format("${method}", fill("${path}", key), nil, #body > 0 and fill(body, key) or nil)
  end
end
function request() return requests[math.random(#requests)] end
function done(summary, latency)
  local e = summary.errors
  print(string.format("${MARK}%d %d %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout,
    summary.bytes))
end
`
}
