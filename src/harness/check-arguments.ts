/**
 * Parses the command line of `check`. It checks all arguments before anything runs; an error lists what is allowed.
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { MODELS, modelNamed } from '../checker/models/models.ts'
import type { Json } from '../checker/history/history.ts'
import type { CheckBounds, Model } from '../checker/verdict/verdict.ts'
import { FAULTS, type Fault, FILE_FAULTS, MEMBERSHIP } from './check-nemesis.ts'
import { HISTORY_EVENTS_MAX } from './recorder.ts'
import type { Workload } from './workloads/workload.ts'
import { WORKLOADS, workloadNamed } from './workloads/check-workloads.ts'

export type CheckArguments = RunArguments | HistoryArguments | { readonly command: 'help' }

export const DEFAULT_DATA_DIR = '.quorate'

export interface RunArguments {
  readonly command: 'run'
  readonly workload: Workload
  readonly bucket: string
  readonly consistency: string
  /** Empty without faults. */
  readonly faults: readonly Fault[]
  /** Whether nodes join, leave and are replaced during the run. */
  readonly changesMembers: boolean
  readonly timeLimitMs: number
  /** Turns a second, summed over all clients. */
  readonly rate: number
  readonly clients: number
  readonly keys: number
  readonly seed: string
  readonly target: 'auto' | 'docker' | 'local' | readonly string[]
  /** The data directory of the local cluster. */
  readonly dataDir: string
  readonly resultsDir: string
}

export interface HistoryArguments {
  readonly command: 'history'
  readonly file: string
  readonly model: Model
  readonly bounds: CheckBounds
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const CONSISTENCIES = ['weak', 'eventual', 'causal', 'quorum', 'all', 'strong']
/** A turn records up to two operations of two events each. */
const EVENTS_PER_TURN_MAX = 4

export const USAGE = `npm run check -- --workload W [options]          run a workload under faults, and judge it
npm run check -- --history FILE --model M        judge a recorded history (history.jsonl, or Jepsen's EDN)

  --workload W       ${WORKLOADS.map(({ name }) => name).join(', ')}
  --bucket B         default: counters for counter, which creates it; strong for register; else default
  --consistency L    ${CONSISTENCIES.join(', ')}; default: causal for causal and
                     session, strong for register in the bucket strong, else quorum
  --nemesis F[,F]    none, ${FAULTS.join(', ')},
                     mix (all of these), ${FILE_FAULTS.join(', ')} (a file of a killed node),
                     membership (nodes join, leave, are replaced); default: none
  --time-limit T     how long clients run: 30s, 2m; default: 30s. A fault that is then on still lasts to its end
  --rate N           turns a second, over all clients; default: 200
  --clients N        default: 10
  --keys N           default: 8
  --seed S           letters, digits, dot, dash; default: a new one, printed
  --target T         docker, local, or URL,URL…; default: docker if it runs, else local if it runs, else a
                     local cluster for this run alone
  --data DIR         data directory of the local cluster; default: .quorate
  --results DIR      default: results
  --model M          ${MODELS.map(({ name }) => name).join(', ')}
  --initial V        with --history: what each key holds at the start, as JSON; default: nothing
  --check-time T     with --history: how long to search for an order before the verdict is unknown; default: 60s
  --check-memory N   with --history: how many MB the search may use to remember its states; default: 1000

Exit code: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 crash.`

/** Throws UsageError. */
export function parseArguments(argv: readonly string[]): CheckArguments {
  const values = rawArguments(argv)
  if (values.help === true) return { command: 'help' }
  if (values.history !== undefined || values.model !== undefined) {
    refuse(values, RUN_OPTIONS, 'says how to run a workload; it does not go with --history')
    return historyArguments(values)
  }
  refuse(values, HISTORY_OPTIONS, 'goes with --history FILE')
  const timeLimitMs = durationMs('--time-limit', values['time-limit'] ?? '30s')
  const rate = wholeNumber('--rate', values.rate ?? '200', 10_000)
  const events = rate * (timeLimitMs / 1000) * EVENTS_PER_TURN_MAX
  if (events > HISTORY_EVENTS_MAX) {
    throw new UsageError(
      `--rate times --time-limit may record ${events} events; the limit is ${HISTORY_EVENTS_MAX}`,
    )
  }
  const seed = values.seed ?? randomBytes(4).toString('hex')
  if (!/^[A-Za-z0-9.-]{1,40}$/.test(seed))
    throw new UsageError(`--seed ${seed}: 1 to 40 letters, digits, dots or dashes`)
  const workload = workloadOf(values.workload)
  const bucket = values.bucket ?? workload.bucket
  const isElsewhere = workload.consistency === 'strong' && bucket !== workload.bucket
  const ownLevel = isElsewhere ? 'quorum' : workload.consistency
  const nemesis = namesOf(values.nemesis ?? 'none')
  const changesMembers = nemesis.includes(MEMBERSHIP)
  const faults = faultsOf(nemesis.filter((name) => name !== MEMBERSHIP))
  const target = targetOf(values.target)
  if ((faults.length > 0 || changesMembers) && typeof target !== 'string') {
    throw new UsageError(
      '--target URL,…: only --nemesis none, because a cluster known by its URLs alone cannot be broken',
    )
  }
  return {
    command: 'run',
    workload,
    bucket,
    consistency: oneOf('--consistency', values.consistency ?? ownLevel, CONSISTENCIES),
    faults,
    changesMembers,
    timeLimitMs,
    rate,
    clients: wholeNumber('--clients', values.clients ?? '10', 200),
    keys: wholeNumber('--keys', values.keys ?? '8', 1000),
    seed,
    target,
    dataDir: values.data ?? DEFAULT_DATA_DIR,
    resultsDir: values.results ?? 'results',
  }
}

/** Not `--results`: it is allowed with a history, although judging a history writes no results. */
const RUN_OPTIONS = [
  'workload',
  'bucket',
  'consistency',
  'nemesis',
  'time-limit',
  'rate',
  'clients',
  'keys',
  'seed',
  'target',
  'data',
]
const HISTORY_OPTIONS = ['initial', 'check-time', 'check-memory']

/** Refuses an option that would be ignored, because it is probably a mistake. */
function refuse(values: RawArguments, options: readonly string[], why: string): void {
  const given = options.find((option) => values[option] !== undefined)
  if (given !== undefined) throw new UsageError(`--${given} ${why}`)
}

function rawArguments(argv: readonly string[]): RawArguments {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        workload: text,
        bucket: text,
        consistency: text,
        nemesis: text,
        'time-limit': text,
        rate: text,
        clients: text,
        keys: text,
        seed: text,
        target: text,
        data: text,
        results: text,
        history: text,
        model: text,
        initial: text,
        'check-time': text,
        'check-memory': text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

interface RawArguments {
  readonly [name: string]: string | boolean | undefined
  readonly workload?: string
  readonly bucket?: string
  readonly consistency?: string
  readonly nemesis?: string
  readonly 'time-limit'?: string
  readonly rate?: string
  readonly clients?: string
  readonly keys?: string
  readonly seed?: string
  readonly target?: string
  readonly data?: string
  readonly results?: string
  readonly history?: string
  readonly model?: string
  readonly initial?: string
  readonly 'check-time'?: string
  readonly 'check-memory'?: string
  readonly help?: boolean
}

function historyArguments(values: RawArguments): HistoryArguments {
  const names = MODELS.map(({ name }) => name)
  if (values.history === undefined) throw new UsageError('--model goes with --history FILE')
  if (values.model === undefined)
    throw new UsageError(`--history needs --model: ${names.join(', ')}`)
  const model = modelNamed(values.model)
  if (model === undefined)
    throw new UsageError(`--model ${values.model}: there is ${names.join(', ')}`)
  return { command: 'history', file: values.history, model, bounds: boundsOf(values) }
}

function boundsOf(values: RawArguments): CheckBounds {
  const { initial, 'check-time': time, 'check-memory': memory } = values
  return {
    timeMs: time === undefined ? undefined : durationMs('--check-time', time),
    memoryBytes:
      memory === undefined ? undefined : wholeNumber('--check-memory', memory, 100_000) * 1e6,
    initial: initial === undefined ? undefined : jsonOf('--initial', initial),
  }
}

function jsonOf(option: string, text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    throw new UsageError(`${option} ${text}: JSON, such as 0, null or "text"`)
  }
}

function workloadOf(name: string | undefined): Workload {
  const names = WORKLOADS.map((workload) => workload.name).join(', ')
  if (name === undefined) throw new UsageError(`--workload is needed: ${names}`)
  const workload = workloadNamed(name)
  if (workload === undefined) throw new UsageError(`--workload ${name}: there is ${names}`)
  return workload
}

/** Names are separated by commas. A space counts as a dash, so `partition halves` works as in the chaos command. */
function namesOf(list: string): string[] {
  const names = list.split(',').map((name) => name.trim().replaceAll(/\s+/g, '-'))
  return names.length === 1 && names[0] === 'none' ? [] : names
}

function faultsOf(names: readonly string[]): Fault[] {
  return names.flatMap((name) => {
    if (name === 'mix') return [...FAULTS]
    const fault = [...FAULTS, ...FILE_FAULTS].find((known) => known === name)
    if (fault === undefined) {
      const known = [...FAULTS, ...FILE_FAULTS, 'mix', MEMBERSHIP].join(', ')
      throw new UsageError(`--nemesis ${name}: there is none (alone), ${known}`)
    }
    return [fault]
  })
}

function targetOf(target: string | undefined): RunArguments['target'] {
  if (target === undefined) return 'auto'
  if (target === 'docker' || target === 'local') return target
  const urls = target.split(',').map((url) => url.trim().replace(/\/+$/, ''))
  for (const url of urls) {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new UsageError(
        `--target ${target}: docker, local, or URLs like http://localhost:8001,http://localhost:8002`,
      )
    }
  }
  return urls
}

function oneOf(option: string, value: string, allowed: readonly string[]): string {
  if (!allowed.includes(value))
    throw new UsageError(`${option} ${value}: there is ${allowed.join(', ')}`)
  return value
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new UsageError(`${option} ${text}: a whole number from 1 to ${max}`)
  }
  return value
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function durationMs(option: string, text: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(amount) * (UNITS_MS[unit ?? ''] ?? Number.NaN)
  if (!(ms > 0)) throw new UsageError(`${option} ${text}: a duration like 500ms, 30s, 2m`)
  return ms
}
