/**
 * Reports where a process spent its time, from a CPU profile of Node.js (`--cpu-prof`), within given stretches of time:
 * the self time of each function, and its time including calls. Pure except for reading the file.
 *
 * Invariant: shares refer to the time in which the process was not idle; the shares of self times add up to one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The parts of a .cpuprofile file that are used here. Times are microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly startTime: number
  /** Node ids. */
  readonly samples: readonly number[]
  /** The time since the previous sample, or since the start. */
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: CallFrame
  /** Ids of the functions that it called. */
  readonly children?: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** Counts from 0; -1 for code that is in no file. */
  readonly lineNumber: number
}

/** A stretch of time, in microseconds of the monotonic clock. */
export interface Stretch {
  readonly fromUs: number
  readonly toUs: number
}

export interface ProfileReport {
  /** The idle share of the time within the stretches. */
  readonly idleShare: number
  /** Self times by function. */
  readonly functions: readonly Share[]
  /** Self times by package, by folder of `src`, or by module of Node.js. */
  readonly modules: readonly Share[]
  /** Times of functions of `src` and of packages, including calls. */
  readonly totals: readonly Share[]
}

export interface Share {
  readonly name: string
  readonly share: number
}

const IDLE = '(idle)'
/** A longer sample means that the process was paused, not that it worked. */
const SAMPLE_US_MAX = 100_000

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** The profile of the process in the directory; undefined if there is none. */
export function readProfile(directory: string, pid: number): CpuProfile | undefined {
  const name = readdirSync(directory).find(
    (file) => file.endsWith('.cpuprofile') && file.split('.')[3] === String(pid),
  )
  if (name === undefined) return undefined
  return JSON.parse(readFileSync(join(directory, name), 'utf8')) as CpuProfile
}

export function reportProfile(profile: CpuProfile, stretches: readonly Stretch[]): ProfileReport {
  const stacks = stacksOf(profile)
  const functions = new Map<string, number>()
  const modules = new Map<string, number>()
  const totals = new Map<string, number>()
  let idleUs = 0
  let busyUs = 0
  let atUs = profile.startTime
  for (const [i, id] of profile.samples.entries()) {
    atUs += profile.timeDeltas[i] ?? 0
    const lastsUs = Math.min(profile.timeDeltas[i + 1] ?? 0, SAMPLE_US_MAX)
    const stack = stacks.get(id)
    if (stack === undefined || lastsUs <= 0) continue
    if (!stretches.some(({ fromUs, toUs }) => fromUs <= atUs && atUs < toUs)) continue
    if (stack.label === IDLE) {
      idleUs += lastsUs
      continue
    }
    busyUs += lastsUs
    add(functions, stack.label, lastsUs)
    add(modules, stack.module, lastsUs)
    for (const label of stack.callers) add(totals, label, lastsUs)
  }
  return {
    idleShare: idleUs + busyUs === 0 ? 0 : idleUs / (idleUs + busyUs),
    functions: sharesOf(functions, busyUs),
    modules: sharesOf(modules, busyUs),
    totals: sharesOf(totals, busyUs),
  }
}

interface Stack {
  readonly label: string
  readonly module: string
  /** The function and its callers in `src` and packages, each once. */
  readonly callers: ReadonlySet<string>
}

/** The stacks by node id. */
function stacksOf({ nodes }: CpuProfile): ReadonlyMap<number, Stack> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const called = new Set(nodes.flatMap(({ children = [] }) => children))
  const stacks = new Map<number, Stack>()
  const visits = nodes
    .filter(({ id }) => !called.has(id))
    .map((node) => ({ node, above: new Set<string>() as ReadonlySet<string> }))
  for (let visit = visits.pop(); visit !== undefined; visit = visits.pop()) {
    const { node, above } = visit
    const label = labelOf(node.callFrame)
    const isOurs = /^(?:src|node_modules)\//.test(placeOf(node.callFrame.url))
    const callers = isOurs && !above.has(label) ? new Set([...above, label]) : above
    stacks.set(node.id, { label, module: moduleOf(node.callFrame), callers })
    for (const id of node.children ?? []) {
      const child = byId.get(id)
      if (child !== undefined) visits.push({ node: child, above: callers })
    }
  }
  return stacks
}

/** The most expensive modules and functions as lines of text. */
export function printProfile(report: ProfileReport, top: number): string[] {
  const lines = (title: string, shares: readonly Share[]): string[] => [
    ` ${title}`,
    ...shares
      .slice(0, top)
      .map(({ name, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`),
  ]
  return [
    ...lines('modules, self time', report.modules),
    ...lines('functions, self time', report.functions),
    ...lines('functions, with all that they called', report.totals),
  ]
}

function add(sums: Map<string, number>, name: string, us: number): void {
  sums.set(name, (sums.get(name) ?? 0) + us)
}

function sharesOf(sums: ReadonlyMap<string, number>, allUs: number): Share[] {
  return [...sums]
    .map(([name, us]) => ({ name, share: us / allUs }))
    .sort((a, b) => b.share - a.share)
}

/** For example `commit src/node/storage/group-commit.ts:60`. */
function labelOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${placeOf(url)}:${lineNumber + 1}`
}

function moduleOf({ functionName, url }: CallFrame): string {
  // Code of V8 itself, such as the garbage collector, or code compiled into Node.js.
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  const parts = placeOf(url).split('/')
  const depth = parts[1]?.startsWith('@') === true ? 3 : 2
  return parts.length === 2 && parts[0] === 'src' ? 'src' : parts.slice(0, depth).join('/')
}

/** The path from the project, or from the innermost package. */
function placeOf(url: string): string {
  const packages = url.lastIndexOf('/node_modules/')
  if (packages >= 0) return url.slice(packages + 1)
  const sources = url.lastIndexOf('/src/')
  return sources >= 0 ? url.slice(sources + 1) : url
}
