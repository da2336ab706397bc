/** The command line of `npm run chaos`: which command, on which target, for how long. Pure. */
import { command } from '../command-line/command.ts'
import { parseCommand } from '../command-line/parse-command.ts'
import { TOKEN_OPTION } from '../command-line/token.ts'
import { DEFAULT_DATA_DIR } from '../local-cluster/cluster-arguments.ts'
import { FAULT_COMMANDS } from './fault-commands.ts'

export interface ChaosArguments {
  /** `status`, `heal`, `keep`, or a fault; and its words. */
  readonly words: readonly string[]
  /** Undefined chooses Docker if the project runs there, otherwise local. */
  readonly target: 'docker' | 'local' | undefined
  readonly forMs: number
  readonly dryRun: boolean
  /** The data directory of the local cluster. */
  readonly dataDir: string
  /** The compose project; undefined chooses the one that was started from this directory. */
  readonly project: string | undefined
  /** The file of the token for the nodes; undefined for that of the environment. */
  readonly tokenFile: string | undefined
}

export const CHAOS_COMMAND = command({
  name: 'chaos',
  call: 'npm run chaos --',
  about:
    'Breaks a running cluster on purpose, or heals it. Each fault ends after a time, even if this ' +
    'command is killed. The command returns when it has confirmed the effect.',
  subcommands: {
    ...FAULT_COMMANDS,
    status: { about: 'Probe which nodes reach each other, and list the active faults.' },
    heal: { about: 'End all faults, and wait until all nodes reach each other.' },
    keep: {
      about: 'End a fault when its time is over.',
      words: [{ name: 'LEASE' }],
      isHidden: true,
    },
  },
  options: {
    for: {
      kind: 'duration',
      max: 3_600_000,
      default: 60_000,
      about: 'How long the fault lasts.',
    },
    target: {
      kind: 'choice',
      names: ['docker', 'local'],
      otherwise: 'docker if its containers run, else local',
      about: 'Which cluster to break: containers, or processes of this machine.',
    },
    data: {
      kind: 'text',
      placeholder: 'DIR',
      default: DEFAULT_DATA_DIR,
      about: 'The data directory of the local cluster.',
    },
    project: {
      kind: 'text',
      placeholder: 'NAME',
      otherwise: 'the project of this directory',
      about: 'The compose project of the containers.',
    },
    'token-file': TOKEN_OPTION,
    'dry-run': { kind: 'flag', about: 'Print what would be done, and do nothing.' },
  },
  examples: [
    'npm run chaos -- partition n1,n2/n3,n4,n5 --for 10m',
    'npm run chaos -- skew n2 -300s',
    'npm run chaos -- heal',
  ],
  exitCodes: [
    [0, 'the effect was confirmed'],
    [1, 'the fault did not take effect'],
  ],
})

/** Undefined if help is asked for. Throws UsageError. */
export function parseChaosArguments(argv: readonly string[]): ChaosArguments | undefined {
  const parsed = parseCommand(CHAOS_COMMAND, argv)
  if (parsed === undefined) return undefined
  const { for: forMs, target, data: dataDir, project, 'dry-run': dryRun } = parsed.values
  const words = [parsed.subcommand ?? '', ...parsed.words]
  const { 'token-file': tokenFile } = parsed.values
  return { words, target, forMs, dryRun, dataDir, project, tokenFile }
}
