/** Parses the command line of `npm run chaos`: which command, on which target, for how long. Pure. */
import { parseArgs } from 'node:util'
import { ChaosUsageError, FAULT_USAGE } from './chaos-fault.ts'

export interface ChaosArguments {
  /** `help`, `status`, `heal`, `keep`, or a fault and its words. */
  readonly words: readonly string[]
  /** Undefined chooses Docker if the project runs there, otherwise local. */
  readonly target: 'docker' | 'local' | undefined
  readonly forMs: number
  readonly dryRun: boolean
  /** The data directory of the local cluster. */
  readonly dataDir: string
  /** The compose project; undefined chooses the one that was started from this directory. */
  readonly project: string | undefined
}

const FOR_MS_DEFAULT = 60_000
const FOR_MS_MAX = 3_600_000
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

export const CHAOS_USAGE = `usage: npm run chaos -- COMMAND [--target docker|local] [--for 60s] [--dry-run]

${FAULT_USAGE.map((line) => `  ${line}`).join('\n')}
  status       probe who reaches whom, and list the faults that are on
  heal         undo everything

  --for        time after which the fault undoes itself: ms, s or m, at most 60m (default 60s)
  --target     docker or local (default: docker if the containers run, otherwise local)
  --data DIR   data directory of the local cluster (default .quorate)
  --project P  compose project (default: the one of this directory)
  --dry-run    print what would be done, and do nothing
`

/** Throws `ChaosUsageError`. */
export function parseChaosArguments(argv: readonly string[]): ChaosArguments {
  const { values, positionals } = parse(argv)
  const { target } = values
  if (target !== undefined && target !== 'docker' && target !== 'local') {
    throw new ChaosUsageError(`--target is docker or local, not ${target}`)
  }
  return {
    words:
      values.help === true || positionals.length === 0
        ? ['help']
        : positionals.map((word) => word.trim()),
    target,
    forMs: values.for === undefined ? FOR_MS_DEFAULT : parseDuration(values.for),
    dryRun: values['dry-run'] ?? false,
    dataDir: values.data ?? '.quorate',
    project: values.project,
  }
}

function parseDuration(text: string): number {
  const match = /^(\d{1,7})(ms|s|m)$/.exec(text)
  const ms = Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? Number.NaN)
  if (ms >= 1 && ms <= FOR_MS_MAX) return ms
  throw new ChaosUsageError(`--for ${text}: a time such as 500ms, 30s or 10m, at most 60m`)
}

function parse(argv: readonly string[]) {
  // A negative skew such as `-300s` is a word, not an option.
  const args = argv.map((word) => (/^-\d/.test(word) ? ` ${word}` : word))
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        target: { type: 'string' },
        for: { type: 'string' },
        'dry-run': { type: 'boolean' },
        data: { type: 'string' },
        project: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new ChaosUsageError((error as Error).message)
  }
}
