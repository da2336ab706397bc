/**
 * The command `npm run chaos`: parses the arguments, chooses the target, breaks or heals it, and prints the result.
 * Exit codes: 0 the effect was probed, 1 it failed, 2 bad arguments.
 */
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type CommandOutput, runCommand } from '../command-line/run-command.ts'
import { readToken } from '../command-line/token.ts'
import { CHAOS_COMMAND, type ChaosArguments, parseChaosArguments } from './chaos-arguments.ts'
import { SeveralProjectsError } from './docker-client.ts'
import { DockerTarget, openDockerTarget } from './docker-chaos-target.ts'
import { UsageError } from '../command-line/usage-error.ts'
import { type Fault, parseFault } from './chaos-fault.ts'
import { openLocalTarget } from './local-chaos-target.ts'
import type { ChaosStatus, ChaosTarget } from './chaos-target.ts'

export interface ChaosTerminal extends CommandOutput {
  /** The directory of the checkout. */
  readonly directory: string
  /** The path of `scripts/chaos.ts`. */
  readonly script: string
}

const EXIT_OK = 0
const EXIT_FAILED = 1

/** Resolves with the exit code. */
export function chaosCommand(argv: readonly string[], terminal: ChaosTerminal): Promise<number> {
  const read = (): ChaosArguments | undefined => parseChaosArguments(argv)
  return runCommand(CHAOS_COMMAND, terminal, read, async (args) => {
    try {
      await run(args, terminal)
      return EXIT_OK
    } catch (error) {
      if (error instanceof UsageError) throw error
      terminal.complain(`chaos: ${(error as Error).message}`)
      return EXIT_FAILED
    }
  })
}

async function run(args: ChaosArguments, terminal: ChaosTerminal): Promise<void> {
  const { words } = args
  const [command] = words
  if (command === 'keep') return keep(args, terminal)
  const target = await chooseTarget(args, terminal)
  switch (command) {
    case 'status':
      return printStatus(await target.status(), terminal)
    case 'heal':
      if (args.dryRun) return printLines(await target.planHeal(), terminal)
      await logged(target, words, undefined, terminal, () => target.heal())
      terminal.print('healed: every node runs and reaches every other one')
      return
    default: {
      const fault = parseFault(words, await target.nodes())
      if (args.dryRun) return printLines(await target.plan(fault, args.forMs), terminal)
      const forMs = fault.type === 'restart' ? undefined : args.forMs
      await logged(target, words, forMs, terminal, () => target.apply(fault, words, args.forMs))
      terminal.print(sentenceOf(fault, words, args.forMs))
    }
  }
}

async function chooseTarget(args: ChaosArguments, terminal: ChaosTerminal): Promise<ChaosTarget> {
  const found = await openTarget(args, terminal)
  if (found === undefined) {
    const docker = 'no container of this project runs (start them: docker compose up --build -d)'
    const local = `no local cluster runs on ${args.dataDir} (start one: npm start)`
    const missing = { docker: [docker], local: [local] }
    throw new UsageError(
      (args.target === undefined ? [docker, local] : missing[args.target]).join(', and '),
    )
  }
  if (!args.dryRun) terminal.print(`target ${found.name}: ${found.about}`)
  return found
}

/** Undefined if no cluster runs. Without --target it chooses the containers, unless only local processes are up. */
async function openTarget(
  { target, project, dataDir, tokenFile }: ChaosArguments,
  { directory, script }: ChaosTerminal,
): Promise<ChaosTarget | undefined> {
  const token = readToken(tokenFile, process.env)
  const options = { directory, script, project, token }
  if (target === 'docker') return openDockerTarget(options)
  if (target === 'local') return openLocalTarget(dataDir, token)
  const docker = await openDockerTarget(options).catch((error: unknown) => {
    if (error instanceof SeveralProjectsError) throw error
    // No Docker engine answers, so only a local cluster can be meant.
    return undefined
  })
  if (docker !== undefined && (await docker.isUp())) return docker
  return (await openLocalTarget(dataDir, token)) ?? docker
}

async function keep(args: ChaosArguments, { directory, script }: ChaosTerminal): Promise<void> {
  const [, leaseId = ''] = args.words
  const options = { directory, script, project: args.project, token: undefined }
  await new DockerTarget(options, args.project ?? '').keep(leaseId)
}

/** Logs each command to chaos.jsonl before it runs: command, user, start and end. Logs one more line if it fails. */
async function logged(
  { name: target }: ChaosTarget,
  words: readonly string[],
  forMs: number | undefined,
  { directory, complain }: ChaosTerminal,
  work: () => Promise<void>,
): Promise<void> {
  const id = randomUUID()
  const file = join(directory, 'chaos.jsonl')
  const write = (line: object): void => {
    try {
      appendFileSync(file, `${JSON.stringify({ id, ...line })}\n`)
    } catch (error) {
      // A fault must not start without its line. Healing must work even if the disk is full.
      if (forMs !== undefined) throw error
      complain(`chaos: cannot write ${file}: ${(error as Error).message}`)
    }
  }
  const at = new Date()
  const until = forMs === undefined ? null : new Date(at.getTime() + forMs)
  write({ at, until, target, command: words.join(' '), by: userName(), pid: process.pid })
  try {
    await work()
  } catch (error) {
    const failed = (error as Error).message
    write({ at: new Date(), failed })
    const leftMs = (until?.getTime() ?? 0) - Date.now()
    if (leftMs <= 0 || error instanceof UsageError) throw error
    const end = `a part of the fault may be active and ends in ${Math.ceil(leftMs / 1000)} s; to end it now, run: npm run chaos -- heal`
    throw new Error(`${failed}; ${end}`, { cause: error })
  }
}

/** Null for a user without a name, which exists in containers. */
function userName(): string | null {
  try {
    return userInfo().username
  } catch {
    return null
  }
}

function sentenceOf(fault: Fault, words: readonly string[], forMs: number): string {
  if (fault.type === 'restart') return `restarted ${fault.node}`
  const seconds = forMs / 1000
  return `active: ${words.join(' ')}. It ends in ${seconds} s; to end it now, run: npm run chaos -- heal`
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
  if (leases.length === 0) print('no faults are active')
  for (const { fault, endsInMs } of leases)
    print(`active: ${fault}, for ${Math.ceil(endsInMs / 1000)} s more`)
}

function printLines(lines: readonly string[], { print }: ChaosTerminal): void {
  for (const line of lines) print(line)
}
