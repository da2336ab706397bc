/** The command that runs a check again: the same plan of faults, and clients that draw the same. */
import { DEFAULT_DATA_DIR, type RunArguments } from './check-arguments.ts'
import { nemesisOf } from './check-nemesis.ts'

export function rerunCommand(args: RunArguments): string {
  const target = typeof args.target === 'string' ? args.target : args.target.join(',')
  const words = [
    ['workload', args.workload.name],
    ['bucket', args.bucket],
    ['consistency', args.consistency],
    ['nemesis', nemesisOf(args.faults, args.changesMembers)],
    ['time-limit', durationText(args.timeLimitMs)],
    ['rate', String(args.rate)],
    ['clients', String(args.clients)],
    ['keys', String(args.keys)],
    ['seed', args.seed],
    ...(target === 'auto' ? [] : [['target', target]]),
    // Without it the cluster that this one ran on would not be found.
    ...(args.dataDir === DEFAULT_DATA_DIR ? [] : [['data', args.dataDir]]),
  ] as [string, string][]
  return `npm run check -- ${words.map(([name, value]) => `--${name} ${quoted(value)}`).join(' ')}`
}

function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
