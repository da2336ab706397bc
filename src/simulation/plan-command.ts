/** The command `sim --plan FILE`: runs a plan of timed actions, and prints what its clients were told. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { CommandOutput } from '../command-line/run-command.ts'
import { UsageError } from '../command-line/usage-error.ts'
import { describeAction } from './interactive/action.ts'
import { playPlan } from './interactive/play-plan.ts'
import type { RequestView } from './interactive/timed-clients.ts'
import { checkPlan, PlanError, type TimedPlan } from './interactive/timed-plan.ts'
import { storyLines } from './record/transcript.ts'

const EXIT_FOUND = 1

/** Returns the exit code. Throws UsageError. */
export async function planCommand(
  file: string,
  traceFile: string | undefined,
  { print }: CommandOutput,
): Promise<number> {
  const plan = readPlan(file)
  const { hash, verdict, view, counts } = await playPlan(plan)
  if (traceFile !== undefined) {
    writeFileSync(traceFile, [JSON.stringify(plan), ...storyLines(view.log), ''].join('\n'))
  }
  const seconds = (view.nowUs / 1e6).toFixed(1)
  const count = plan.actions.length
  const actions = `${count} action${count === 1 ? '' : 's'}`
  print(`plan ${basename(file)}, seed ${plan.seed}: ${actions} in ${seconds} s`)
  print(`${counts.events} events, ${counts.messages} messages`)
  for (const request of view.requests) print(requestLine(request))
  for (const line of verdict.lines) print(line)
  if (view.violation !== null) print(`VIOLATION: ${view.violation.message}`)
  print(`${view.violation === null ? 'no violation found; ' : ''}trace hash ${hash}`)
  return view.violation === null ? 0 : EXIT_FOUND
}

function readPlan(file: string): TimedPlan {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--plan ${file}: cannot be read: ${reasonOf(error)}`)
  }
  try {
    return checkPlan(JSON.parse(text))
  } catch (error) {
    if (!(error instanceof PlanError || error instanceof SyntaxError)) throw error
    throw new UsageError(`--plan ${file}: ${error.message}`)
  }
}

/** For example "1.000 s  client 1 at n1: get default/cart quorum: ok [\"apple\"]". */
function requestLine({ action, sentUs, state, values, error }: RequestView): string {
  const at = sentUs === null ? 'not sent' : `${(sentUs / 1e6).toFixed(3)} s`
  const found = values === null ? '' : ` ${JSON.stringify(values)}`
  const why = error === null ? '' : ` (${error})`
  return `${at}  client ${action.client} at ${action.node}: ${describeAction(action)}: ${state}${found}${why}`
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
