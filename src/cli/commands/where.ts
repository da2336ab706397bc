/** `where`: the owners of a key, and what each of them holds. */
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { getJson, type RingAnswer, type RingEntry } from '../store/cluster-answer.ts'
import { nameOf } from '../store/key.ts'
import { BUCKET_WORD, KEY_WORD, openSender, STORE_OPTIONS } from '../store/store-options.ts'
import { type Cell, tableLines } from '../../terminal/table.ts'
import { visible } from '../../terminal/terminal-text.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import { cliCommand } from './cli-command.ts'

export const WHERE = cliCommand(
  'where',
  {
    about:
      'Shows the nodes that keep a key, and what each of them holds of it now. The key need not exist.',
    words: [BUCKET_WORD, KEY_WORD],
    options: STORE_OPTIONS,
    examples: ['where default hello', 'where default hello --json'],
    exitCodes: exitCodes(0, 1, 3, 6, 8, 130),
  },
  async ({ values, words: [bucket = '', key = ''] }, world) => {
    const { out, stop } = world
    const query = { bucket, key }
    const sender = openSender(values, world)
    const ring = (await getJson(
      sender,
      { path: '/v1/cluster/ring', query, has: 'preference' },
      stop,
    )) as RingAnswer
    if (values.json) await writeJson(out, ring)
    else await writeLines(out, ringLines(ring, out))
    return EXIT.ok
  },
)

function ringLines(ring: RingAnswer, sink: Parameters<typeof tableLines>[1]): string[] {
  const { partition, preference } = ring
  // A fallback without a hint has no part in the key.
  const shown = preference.filter(({ role, holds }) => role === 'owner' || versionsOf(holds) > 0)
  const rows = shown.map(({ node, role, state, holds }) => [
    node,
    role === 'owner' ? 'owner' : 'keeps a hint',
    stateCell(state),
    holds === null ? '?' : String(holds.siblings),
    holds === null ? '?' : String(holds.tombstones),
    holds === null ? 'does not answer' : versionWords(holds),
  ])
  return [
    ...tableLines(
      { head: ['node', 'role', 'state', 'values', 'tombstones', 'versions'], rows },
      sink,
    ),
    '',
    `${visible(nameOf(ring))} is in data partition ${partition}. ${agreementWords(preference)}`,
  ]
}

function stateCell(state: RingEntry['state']): Cell {
  const styles = { up: 'good', suspect: 'doubtful', down: 'bad' } as const
  return { text: state, style: styles[state] }
}

function versionsOf(holds: RingEntry['holds']): number {
  return holds?.dots.length ?? 0
}

function versionWords({ dots }: NonNullable<RingEntry['holds']>): string {
  return dots.length === 0 ? '-' : dots.map(versionOf).join(' ')
}

/** The id of a sibling, as reads show it. */
function versionOf({ actor, timestamp }: { actor: string; timestamp: number }): string {
  return `${actor}.${timestamp.toString(36)}`
}

function agreementWords(preference: readonly RingEntry[]): string {
  const owners = preference.filter(({ role }) => role === 'owner')
  const away = owners.filter(({ holds }) => holds === null).map(({ node }) => node)
  const versions = new Set(
    owners.flatMap(({ holds }) =>
      holds === null ? [] : [holds.dots.map(versionOf).sort().join(' ')],
    ),
  )
  const silent = away.length === 0 ? '' : ` ${away.join(', ')} did not answer.`
  if (versions.size <= 1) {
    const what = versions.has('') ? 'hold nothing of it' : 'hold the same'
    return `The owners that answered ${what}.${silent}`
  }
  return `The owners hold different versions, so some of them are not up to date.${silent}`
}
