/** `moves`: how far the change of the members is. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sender } from '../../client/request/sender.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import { changeWords, getMoves, laterWords, type MovesAnswer } from '../store/member-change.ts'
import { openSender, STORE_OPTIONS } from '../store/store-options.ts'
import { ProgressLine } from '../../terminal/progress-line.ts'
import { tableLines } from '../../terminal/table.ts'
import { type Sink, writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { CALL, cliCommand } from './cli-command.ts'

const POLL_INTERVAL_MS = 500
const MIB = 1_048_576

export const WAIT_OPTION = {
  kind: 'flag',
  about: 'Wait until the change has ended. On a terminal a bar shows how far it is.',
} as const

export const MOVES = cliCommand(
  'moves',
  {
    about: 'Shows the change of the members that is under way, and what each member does for it.',
    options: { ...STORE_OPTIONS, wait: WAIT_OPTION },
    examples: ['moves', 'moves --wait'],
    exitCodes: exitCodes(0, 1, 6, 8, 130),
  },
  async ({ values, given }, world) => {
    const sender = openSender(values, world)
    const moves = given.has('wait')
      ? await followMoves(sender, world)
      : await getMoves(sender, world.stop)
    if (values.json) await writeJson(world.out, moves)
    else await writeLines(world.out, movesLines(moves, world.out))
    return EXIT.ok
  },
)

/** Resolves when no change is under way any more. */
export async function followMoves(sender: Sender, { err, stop }: World): Promise<MovesAnswer> {
  const line = new ProgressLine(err)
  let told = ''
  try {
    for (;;) {
      const moves = await getMoves(sender, stop)
      if (moves.change === null) return moves
      const words = changeWords(moves.change)
      // Without a bar, each phase is told once.
      if (!err.isTerminal && words !== told) await writeLines(err, [words])
      told = words
      const { share, text } = progressOf(moves)
      await line.show(share, `${words}, ${text}`)
      await sleep(POLL_INTERVAL_MS, undefined, { signal: stop })
    }
  } catch (error) {
    if (stop.aborted) {
      await line.clear()
      await writeLines(err, ['The change goes on without this command.'])
    }
    throw error
  } finally {
    await line.clear()
  }
}

function progressOf({ nodes }: MovesAnswer): { share: number; text: string } {
  const sum = (of: (node: MovesAnswer['nodes'][number]) => number): number =>
    nodes.reduce((total, node) => total + of(node), 0)
  const [done, all] = [sum((node) => node.partitionsDone), sum((node) => node.partitions)]
  const left = Math.max(0, ...nodes.map(({ secondsLeft }) => secondsLeft ?? 0))
  const time = left === 0 ? '' : `, ${Math.ceil(left)} s left`
  return {
    share: all === 0 ? 1 : done / all,
    text: `${done} of ${all} partitions, ${sum((node) => node.keys)} keys${time}`,
  }
}

function movesLines(moves: MovesAnswer, sink: Sink): string[] {
  const { change, nodes } = moves
  const later = laterWords(moves)
  if (change === null) return [`No change of the members is under way.${later}`]
  const rows = nodes.map((node) => [
    node.node,
    node.state,
    `${node.partitionsDone} of ${node.partitions}`,
    node.keys,
    (node.bytes / MIB).toFixed(1),
    node.secondsLeft === null ? '-' : `${Math.ceil(node.secondsLeft)} s`,
    node.waitsFor === '' ? '-' : node.waitsFor,
  ])
  const head = ['member', 'state', 'partitions', 'keys', 'MiB', 'left', 'waits for']
  const { waitingFor } = change
  const waiting = waitingFor.length === 0 ? '' : `, waiting for ${waitingFor.join(', ')}`
  const absent = nodes
    .filter(({ node, state }) => state === 'unreachable' && waitingFor.includes(node))
    .map(
      ({ node }) =>
        `${node} does not answer. Start it, or take it out: ${CALL} apply remove ${node}`,
    )
  const words = `${changeWords(change)}${waiting}.${later}`
  return [...tableLines({ head, rows }, sink), '', words, ...absent]
}
