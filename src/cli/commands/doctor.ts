/** `doctor`: looks for what keeps a cluster from working, and says what to do about it. */
import { RequestError } from '../../client/quorate.ts'
import type { Sender } from '../../client/request/sender.ts'
import { EXIT } from '../outcome/exit-code.ts'
import { askEach } from '../store/cluster-answer.ts'
import {
  type Finding,
  findingOfEndpoint,
  findingOfReadiness,
  findingsOfCluster,
} from '../store/findings.ts'
import { failedChecks } from '../store/readiness.ts'
import { openSenders, STORE_OPTIONS } from '../store/store-options.ts'
import { type Style, styled } from '../../terminal/style.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { type Sink, writeJson, writeLines } from '../../terminal/sink.ts'
import { cliCommand } from './cli-command.ts'

/** Long enough for a node that is slow, and short enough for one that hangs. */
const TIMEOUT_MS = 3000
const STYLES: Readonly<Record<Finding['state'], Style>> = {
  ok: 'good',
  warning: 'doubtful',
  failed: 'bad',
}
const NAME_COLUMNS = 9

export const DOCTOR = cliCommand(
  'doctor',
  {
    about:
      'Looks for what keeps a cluster from working: endpoints, readiness, links, clocks, disks, hints, and changes of ' +
      'the members. It says what to do about each finding.',
    options: { ...STORE_OPTIONS, timeout: { ...STORE_OPTIONS.timeout, default: TIMEOUT_MS } },
    examples: ['doctor', 'doctor --endpoints localhost:8001,localhost:8002,localhost:8003 --json'],
    exitCodes: [
      [EXIT.ok, 'nothing failed'],
      [EXIT.error, 'something failed'],
      [EXIT.unreachable, 'no endpoint answered'],
      [EXIT.interrupted, 'interrupted by Ctrl-C'],
    ],
  },
  async ({ values }, world) => {
    const senders = openSenders(values, world)
    const asked = await askEach(senders, world.stop)
    const answers = asked.flatMap((one) => ('answer' in one ? [one.answer] : []))
    const findings: Finding[] = asked.map(findingOfEndpoint)
    for (const [i, one] of asked.entries()) {
      const sender = senders[i]?.sender
      if (!('answer' in one) || sender === undefined) continue
      findings.push(...(await readinessOf(one.answer.node, sender, world.stop)))
    }
    if (answers.length > 0) findings.push(...findingsOfCluster(answers))
    const hasFailed = findings.some(({ state }) => state === 'failed')
    if (values.json) await writeJson(world.out, { healthy: !hasFailed, findings })
    else await writeLines(world.out, linesOf(findings, hasFailed, world.out))
    if (answers.length === 0) return EXIT.unreachable
    return hasFailed ? EXIT.error : EXIT.ok
  },
)

/** Nothing if the node has stopped answering meanwhile. */
async function readinessOf(
  node: string,
  sender: Sender,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  try {
    return [findingOfReadiness(node, await failedChecks(sender, signal))]
  } catch (error) {
    if (error instanceof RequestError) return []
    throw error
  }
}

function linesOf(findings: readonly Finding[], hasFailed: boolean, sink: Sink): string[] {
  const warnings = findings.filter(({ state }) => state === 'warning').length
  const failures = findings.filter(({ state }) => state === 'failed').length
  const count = `${failures} failed, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`
  return [
    ...findings.flatMap(({ name, state, detail, advice }) => [
      `${styled(sink.isColoured, STYLES[state], state.padEnd('warning'.length))}  ${name.padEnd(NAME_COLUMNS)} ${visible(detail)}`,
      ...(advice === '' ? [] : [`${' '.repeat('warning'.length + 2 + NAME_COLUMNS + 1)}${advice}`]),
    ]),
    '',
    hasFailed || warnings > 0 ? `${count}.` : 'Nothing is wrong.',
  ]
}
