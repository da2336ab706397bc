/** `apply`: begins a change of the members. */
import { RequestError, UnknownOutcomeError } from '../../client/quorate.ts'
import type { Sender } from '../../client/request/sender.ts'
import { detailOf } from '../outcome/error-report.ts'
import { EXIT, exitCodes } from '../outcome/exit-code.ts'
import {
  type ApplyAnswer,
  CANCEL,
  CHANGE_OPTIONS,
  changeBody,
  CHANGES,
  changeWords,
  laterWords,
  postChange,
} from '../store/member-change.ts'
import { openSender, STORE_OPTIONS } from '../store/store-options.ts'
import { writeJson, writeLines } from '../../terminal/sink.ts'
import type { World } from '../world.ts'
import { CALL, cliCommand } from './cli-command.ts'
import { followMoves, WAIT_OPTION } from './moves.ts'

/** A majority of the voters has to agree. */
const TIMEOUT_MS = 10_000

export const APPLY = cliCommand(
  'apply',
  {
    about:
      'Begins a change of the members. Look at it first with the command plan. The cluster makes one change at a ' +
      'time, and serves requests meanwhile.',
    subcommands: { ...CHANGES, ...CANCEL },
    options: {
      ...STORE_OPTIONS,
      timeout: { ...STORE_OPTIONS.timeout, default: TIMEOUT_MS },
      ...CHANGE_OPTIONS,
      wait: WAIT_OPTION,
    },
    examples: ['apply leave n2 --wait', 'apply replace n3 n7 --lost', 'apply cancel'],
    exitCodes: exitCodes(0, 1, 6, 7, 8, 130),
    unknown: {
      meaning: 'the change may or may not have been made',
      advice:
        `${CALL} moves shows whether the change is under way, and ${CALL} status lists the members. Give both the ` +
        '--endpoints of members that stay.',
    },
  },
  async ({ values, subcommand = '', words }, world) => {
    const body = changeBody(subcommand, words, values)
    const sender = openSender(values, world)
    const path = '/v1/cluster/apply'
    const applied = (await postChange(sender, path, body, world.stop)) as ApplyAnswer
    // What an undo leaves to be done is not told.
    const mustWait = values.wait && (applied.change !== null || subcommand === 'cancel')
    const ended = mustWait ? await untilEnded(sender, world) : applied
    const { epoch, change, lost = [] } = ended
    if (values.json) await writeJson(world.out, { epoch, change, lost })
    else await report(ended, subcommand === 'cancel' && !mustWait, world)
    return EXIT.ok
  },
)

/** The change goes on without an answer, so a request that fails from here on has rejected nothing. */
async function untilEnded(sender: Sender, world: World): Promise<ApplyAnswer> {
  try {
    return await followMoves(sender, world)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    throw new UnknownOutcomeError({
      code: 'outcome_unknown',
      detail: `the change is under way, and no node told whether it has ended: ${detailOf(error)}`,
      retryable: false,
      attempts: [],
      cause: error,
    })
  }
}

async function report(
  applied: ApplyAnswer,
  isBeingUndone: boolean,
  { out, err }: World,
): Promise<void> {
  const { epoch, change } = applied
  const later = laterWords(applied)
  if (change === null && !isBeingUndone) {
    await writeLines(out, [`The change has ended (epoch ${epoch}).${later}`])
    return
  }
  await writeLines(out, [
    change === null ? `The change is being undone.${later}` : `${changeWords(change)}.${later}`,
  ])
  await writeLines(err, [`To see its progress: ${CALL} moves --wait`])
}
