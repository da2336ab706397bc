/**
 * `npm run chaos`: parses, chooses the target, breaks or heals, and says what it did. Exit codes: 0 the effect
 * was probed, 1 it failed, 2 bad arguments.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHAOS_USAGE, type ChaosArguments, parseChaosArguments } from './chaos-arguments.ts'
import { DockerTarget, openDockerTarget } from './docker-target.ts'
import { ChaosUsageError, type Fault, parseFault } from './fault.ts'
import { openLocalTarget } from './local-target.ts'
import type { ChaosStatus, ChaosTarget } from './target.ts'

export interface ChaosTerminal {
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
  /** The checkout. */
  readonly directory: string
  /** Of `scripts/chaos.ts`. */
  readonly script: string
}

const EXIT_OK = 0
const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** Resolves with the exit code. */
export async function chaosCommand(
  argv: readonly string[],
  terminal: ChaosTerminal,
): Promise<number> {
  try {
    await run(parseChaosArguments(argv), terminal)
    return EXIT_OK
  } catch (error) {
    terminal.complain(`chaos: ${(error as Error).message}`)
    return error instanceof ChaosUsageError ? EXIT_USAGE : EXIT_FAILED
  }
}

async function run(args: ChaosArguments, terminal: ChaosTerminal): Promise<void> {
  const { words } = args
  const [command = ''] = words
  if (command === 'help') {
    terminal.print(CHAOS_USAGE)
    return
  }
  if (command === 'keep') return keep(args, terminal)
  const target = await chooseTarget(args, terminal)
  switch (command) {
    case 'status':
      return printStatus(await target.status(), terminal)
    case 'heal':
      if (args.dryRun) return printLines(await target.planHeal(), terminal)
      await target.heal()
      note(target, words, undefined, terminal)
      terminal.print('healed: every node runs and reaches every other one')
      return
    default: {
      const fault = parseFault(words, await target.nodes())
      if (args.dryRun) return printLines(await target.plan(fault), terminal)
      await target.apply(fault, words, args.forMs)
      note(target, words, args.forMs, terminal)
      terminal.print(sentenceOf(fault, words, args.forMs))
    }
  }
}

async function chooseTarget(args: ChaosArguments, terminal: ChaosTerminal): Promise<ChaosTarget> {
  const { directory, script } = terminal
  const options = { directory, script, project: args.project }
  const found =
    (args.target === 'local' ? undefined : await openDockerTarget(options)) ??
    (args.target === 'docker' ? undefined : await openLocalTarget(args.dataDir))
  if (found === undefined) {
    const docker = 'no container of this project (docker compose up --build -d starts them)'
    const local = `no local cluster on ${args.dataDir} (npm start starts one)`
    const missing = { docker: [docker], local: [local] }
    throw new ChaosUsageError(
      (args.target === undefined ? [docker, local] : missing[args.target]).join(', and '),
    )
  }
  if (!args.dryRun) terminal.print(`target ${found.name}: ${found.about}`)
  return found
}

async function keep(args: ChaosArguments, { directory, script }: ChaosTerminal): Promise<void> {
  const [, leaseId = ''] = args.words
  await new DockerTarget({ directory, script, project: args.project }, args.project ?? '').keep(
    leaseId,
  )
}

/** One line a fault: who, what, when, until when. */
function note(
  target: ChaosTarget,
  words: readonly string[],
  forMs: number | undefined,
  { directory }: ChaosTerminal,
): void {
  const at = new Date()
  const until = forMs === undefined ? null : new Date(at.getTime() + forMs)
  const line = { at, until, target: target.name, command: words.join(' '), pid: process.pid }
  appendFileSync(join(directory, 'chaos.jsonl'), `${JSON.stringify(line)}\n`)
}

function sentenceOf(fault: Fault, words: readonly string[], forMs: number): string {
  if (fault.type === 'restart') return `restarted ${fault.node}`
  const seconds = forMs / 1000
  return `on: ${words.join(' ')}; probed. It undoes itself in ${seconds} s, or with: npm run chaos -- heal`
}

function printStatus({ nodes, reaches, leases }: ChaosStatus, { print }: ChaosTerminal): void {
  const ids = nodes.map(({ id }) => id)
  print(`reaches  ${ids.join('  ')}`)
  for (const { id, state } of nodes) {
    const cells = ids.map((to) => {
      const width = to.length
      if (to === id) return '·'.padEnd(width)
      const row = reaches[id]
      return (row === undefined ? '?' : row[to] === true ? 'yes' : 'no').padEnd(width)
    })
    print(`${id.padEnd(7)}  ${cells.join('  ')}  ${state}`)
  }
  if (leases.length === 0) print('no faults are on')
  for (const { fault, endsInMs } of leases)
    print(`on: ${fault}, for ${Math.ceil(endsInMs / 1000)} s more`)
}

function printLines(lines: readonly string[], { print }: ChaosTerminal): void {
  for (const line of lines) print(line)
}
