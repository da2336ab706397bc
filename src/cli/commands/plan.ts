/** `plan`: what a change of the members would move. It changes nothing. */
import { exitCodes } from '../outcome/exit-code.ts'
import {
  CHANGE_OPTIONS,
  changeBody,
  CHANGES,
  type PlanAnswer,
  postChange,
} from '../store/member-change.ts'
import { openSender, STORE_OPTIONS } from '../store/store-options.ts'
import { tableLines } from '../../terminal/table.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { type Sink, writeJson, writeLines } from '../../terminal/sink.ts'
import { CALL, cliCommand } from './cli-command.ts'

export const PLAN = cliCommand(
  'plan',
  {
    about: 'Shows which copies a change of the members would move. It changes nothing.',
    subcommands: CHANGES,
    options: { ...STORE_OPTIONS, ...CHANGE_OPTIONS },
    examples: ['plan leave n2', 'plan replace n3 n7 --lost'],
    exitCodes: exitCodes(0, 1, 6, 8, 130),
  },
  async ({ values, subcommand = '', words }, world) => {
    const body = changeBody(subcommand, words, values)
    const sender = openSender(values, world)
    const plan = (await postChange(sender, '/v1/cluster/plan', body, world.stop)) as PlanAnswer
    if (values.json) {
      await writeJson(world.out, plan)
      return 0
    }
    await writeLines(world.out, planLines(plan, world.out))
    await writeLines(world.err, [
      ...plan.warnings.map((warning) => `Warning: ${visible(warning)}`),
      `To make this change: ${CALL} apply ${[subcommand, ...words].join(' ')}`,
    ])
    return 0
  },
)

export function planLines({ moves, before, after }: PlanAnswer, sink: Sink): string[] {
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const gained = (id: string): number => moves.filter(({ to }) => to === id).length
  const rows = members.map((id) => [
    id,
    String(before[id] ?? '-'),
    String(after[id] ?? '-'),
    gained(id),
  ])
  const head = ['member', 'partitions', 'then', 'takes over']
  return [
    ...tableLines({ head, rows }, sink),
    '',
    `${moves.length} ${moves.length === 1 ? 'copy' : 'copies'} of data partitions would move.`,
  ]
}
