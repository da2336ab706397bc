/** All commands of `npx quorate`, in the order in which help shows them. */
import type { Command } from '../command-line/command.ts'
import type { HandedOver, Program } from '../command-line/program.ts'
import { APPLY } from './commands/apply.ts'
import { BACKUP } from './commands/backup.ts'
import { CALL, type CliCommand } from './commands/cli-command.ts'
import { completionCommand } from './commands/completion.ts'
import { DEL } from './commands/del.ts'
import { DOCTOR } from './commands/doctor.ts'
import { GET } from './commands/get.ts'
import { LIST } from './commands/list.ts'
import { MOVES } from './commands/moves.ts'
import { PLAN } from './commands/plan.ts'
import { PUT } from './commands/put.ts'
import { RESOLVE } from './commands/resolve.ts'
import { RESTORE } from './commands/restore.ts'
import { RING } from './commands/ring.ts'
import { SIBLINGS } from './commands/siblings.ts'
import { STATUS } from './commands/status.ts'
import { TOKEN } from './commands/token.ts'
import { WATCH } from './commands/watch.ts'
import { WHERE } from './commands/where.ts'
import { EXIT_CODES } from './outcome/exit-code.ts'
import { CONSISTENCY_OPTION, STORE_OPTIONS } from './store/store-options.ts'

const VALUES = {
  get: GET,
  put: PUT,
  del: DEL,
  list: LIST,
  watch: WATCH,
  siblings: SIBLINGS,
  resolve: RESOLVE,
} as const
const CLUSTER = {
  status: STATUS,
  doctor: DOCTOR,
  ring: RING,
  where: WHERE,
  plan: PLAN,
  apply: APPLY,
  moves: MOVES,
  token: TOKEN,
  backup: BACKUP,
  restore: RESTORE,
} as const

const SHELL = { completion: completionCommand(() => PROGRAM) } as const

/** By name. What is not here is handed over to a script of the checkout. */
export const COMMANDS: Readonly<Record<string, CliCommand>> = { ...VALUES, ...CLUSTER, ...SHELL }

/** The commands that scripts of the checkout run, with options and exit codes of their own. */
export const HANDED_OVER = {
  up: handedOver('Starts a cluster on this machine, as npm start does.'),
  chaos: handedOver('Breaks a running cluster on purpose, or heals it.'),
  check: handedOver('Checks the promises of a real cluster under faults.'),
  sim: handedOver('Simulates a whole cluster under faults.'),
  bench: handedOver('Measures the store.'),
} as const

export const PROGRAM: Program = {
  name: 'quorate',
  call: CALL,
  about:
    'Reads and writes keys of a Quorate cluster, shows its state, and changes its members. Results go to standard ' +
    'output; errors and hints go to standard error.',
  groups: [
    { title: 'Keys and values', commands: tablesOf(VALUES) },
    { title: 'The cluster', commands: tablesOf(CLUSTER) },
    { title: 'From a checkout of Quorate', commands: HANDED_OVER },
    { title: 'Your shell', commands: tablesOf(SHELL) },
  ],
  options: { ...STORE_OPTIONS, consistency: CONSISTENCY_OPTION },
  examples: [
    `${CALL} put default hello world`,
    `${CALL} get default hello`,
    `${CALL} status --endpoints localhost:8001,localhost:8002,localhost:8003`,
    `${CALL} help put`,
  ],
  exitCodes: EXIT_CODES,
}

function tablesOf(commands: Readonly<Record<string, CliCommand>>): Record<string, Command> {
  return Object.fromEntries(Object.entries(commands).map(([name, { table }]) => [name, table]))
}

function handedOver(about: string): HandedOver {
  return { about, isHandedOver: true }
}
