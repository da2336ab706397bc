/** Makes the command that repeats a check with the same plan of faults and the same random choices of clients. */
import { durationText } from '../command-line/duration.ts'
import { DEFAULT_DATA_DIR } from '../local-cluster/cluster-arguments.ts'
import type { RunArguments } from './check-arguments.ts'
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
    // Without --data the command would not find the cluster of this run.
    ...(args.dataDir === DEFAULT_DATA_DIR ? [] : [['data', args.dataDir]]),
    ...(args.tokenFile === undefined ? [] : [['token-file', args.tokenFile]]),
  ] as [string, string][]
  return `npm run check -- ${words.map(([name, value]) => `--${name} ${quoted(value)}`).join(' ')}`
}

/** Quotes the word for a shell. */
function quoted(word: string): string {
  return /^[\w.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
