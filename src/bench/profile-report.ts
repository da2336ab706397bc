/**
 * Where a process spent its time: the self time of each function in a CPU profile of Node.js (`--cpu-prof`),
 * within the stretches of time that count. Pure but for reading the file.
 *
 * Invariant: shares are of the time that the process was not idle, and add up to one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The parts of a .cpuprofile file that are read here; times in microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly startTime: number
  /** Node ids. */
  readonly samples: readonly number[]
  /** From the sample before, or from the start. */
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** From 0; -1 for what is no code of a file. */
  readonly lineNumber: number
}

/** A stretch of time, in microseconds of the monotonic clock. */
export interface Stretch {
  readonly fromUs: number
  readonly toUs: number
}

export interface ProfileReport {
  /** Of the time within the stretches. */
  readonly idleShare: number
  readonly functions: readonly SelfTime[]
  /** The same by package, by folder of `src`, or by module of Node.js. */
  readonly modules: readonly SelfTime[]
}

export interface SelfTime {
  readonly name: string
  readonly share: number
}

const IDLE = '(idle)'
/** A longer one is a process that stood still, not one that worked. */
const SAMPLE_US_MAX = 100_000

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Of the process in the directory; undefined where it has left none. */
export function readProfile(directory: string, pid: number): CpuProfile | undefined {
  const name = readdirSync(directory).find(
    (file) => file.endsWith('.cpuprofile') && file.split('.')[3] === String(pid),
  )
  if (name === undefined) return undefined
  return JSON.parse(readFileSync(join(directory, name), 'utf8')) as CpuProfile
}

export function reportProfile(profile: CpuProfile, stretches: readonly Stretch[]): ProfileReport {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const functions = new Map<string, number>()
  const modules = new Map<string, number>()
  let idleUs = 0
  let busyUs = 0
  let atUs = profile.startTime
  for (const [i, id] of profile.samples.entries()) {
    atUs += profile.timeDeltas[i] ?? 0
    const lastsUs = Math.min(profile.timeDeltas[i + 1] ?? 0, SAMPLE_US_MAX)
    const frame = frames.get(id)
    if (frame === undefined || lastsUs <= 0) continue
    if (!stretches.some(({ fromUs, toUs }) => fromUs <= atUs && atUs < toUs)) continue
    if (frame.functionName === IDLE) {
      idleUs += lastsUs
      continue
    }
    busyUs += lastsUs
    add(functions, labelOf(frame), lastsUs)
    add(modules, moduleOf(frame), lastsUs)
  }
  return {
    idleShare: idleUs + busyUs === 0 ? 0 : idleUs / (idleUs + busyUs),
    functions: sharesOf(functions, busyUs),
    modules: sharesOf(modules, busyUs),
  }
}

/** Lines of text: the modules, then the functions, those that cost most. */
export function printProfile(report: ProfileReport, top: number): string[] {
  const lines = (times: readonly SelfTime[]): string[] =>
    times
      .slice(0, top)
      .map(({ name, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`)
  return [...lines(report.modules), '', ...lines(report.functions)]
}

function add(sums: Map<string, number>, name: string, us: number): void {
  sums.set(name, (sums.get(name) ?? 0) + us)
}

function sharesOf(sums: ReadonlyMap<string, number>, allUs: number): SelfTime[] {
  return [...sums]
    .map(([name, us]) => ({ name, share: us / allUs }))
    .sort((a, b) => b.share - a.share)
}

/** `commit src/node/group-commit.ts:60`. */
function labelOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${placeOf(url)}:${lineNumber + 1}`
}

function moduleOf({ functionName, url }: CallFrame): string {
  // Of V8 itself, such as the garbage collector, or compiled into Node.js.
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  const parts = placeOf(url).split('/')
  const depth = parts[1]?.startsWith('@') === true ? 3 : 2
  return parts.length === 2 && parts[0] === 'src' ? 'src' : parts.slice(0, depth).join('/')
}

/** From the project or the innermost package on. */
function placeOf(url: string): string {
  const packages = url.lastIndexOf('/node_modules/')
  if (packages >= 0) return url.slice(packages + 1)
  const sources = url.lastIndexOf('/src/')
  return sources >= 0 ? url.slice(sources + 1) : url
}
