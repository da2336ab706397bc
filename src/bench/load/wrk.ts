/**
 * Makes load with wrk: one process for each node, started together, each with its share of the connections. The
 * requests are built before the clock starts, so that the generator costs little, unless they need too much memory.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { HttpWorkload, LoadResult } from '../systems/system.ts'
import { type Load, mergeResults, shareOf } from './load.ts'

const run = promisify(execFile)
const MARK = 'RESULT '
const GRACE_MS = 20_000
/** wrk cannot hold much more than this. */
const REQUESTS_BYTES_MAX = 100_000_000
/** About what the head of a request needs. */
const HEAD_BYTES = 200

export async function hasWrk(): Promise<boolean> {
  // wrk prints its version but exits with an error.
  const said = await run('wrk', ['--version']).catch((error: { stdout?: string }) => error)
  return 'stdout' in said && /wrk/.test(said.stdout ?? '')
}

export async function loadWithWrk(
  workload: HttpWorkload,
  load: Load,
  directory: string,
): Promise<LoadResult> {
  const file = join(directory, workload.name.replaceAll(/\W+/g, '-'))
  const [script, names] = [`${file}.lua`, `${file}.keys`]
  writeFileSync(script, luaScript(workload, load, names))
  // LuaJIT refuses more than 65 536 names in a script.
  writeFileSync(
    names,
    Array.from({ length: load.keys }, (_, i) => `${workload.keyOf(i)}\n`).join(''),
  )
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
    answers: answers - refused,
    requestsPerSecond: (answers - refused) / (microseconds / 1e6),
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    errors: refused + broken,
    bytesPerAnswer: answers === 0 ? 0 : bytes / answers,
  }
}

/** wrk counts a status above 399 as an error. `checkAnswers` distinguishes the statuses below. */
function luaScript(
  { method, path, body }: HttpWorkload,
  { keys, headers }: Load,
  names: string,
): string {
  const isPrepared = keys * (HEAD_BYTES + body.length) <= REQUESTS_BYTES_MAX
  return `
local keys = {}
local requests = {}
local body = [==[${body}]==]
local headers = {${luaTable(headers)}}
local function fill(text, key) return (text:gsub("{key}", function() return key end)) end
local function build(key)
  return wrk.format("${method}", fill("${path}", key), headers, #body > 0 and fill(body, key) or nil)
end
function init()
  math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000000)
  for key in io.lines([==[${names}]==]) do keys[#keys + 1] = key end
  if ${isPrepared} then
    for i, key in ipairs(keys) do requests[i] = build(key) end
  end
end
function request()
  local i = math.random(#keys)
  return requests[i] or build(keys[i])
end
function done(summary, latency)
  local e = summary.errors
  print(string.format("${MARK}%d %d %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout,
    summary.bytes))
end
`
}

function luaTable(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `["${name}"] = [==[${value}]==]`)
    .join(', ')
}
