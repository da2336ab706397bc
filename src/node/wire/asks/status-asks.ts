/** The ask for one node's view of the cluster (cluster-view.ts). */
import { isMemberState, type MemberState } from '../../../core/membership/update.ts'
import { NOTHING_UNSETTLED, type Unsettled } from '../../service/unsettled.ts'
import { type AskFormat, type NoFields, WITHOUT_FIELDS } from './ask-format.ts'
import { countIn, listIn, textIn, textsIn } from './fields.ts'

export interface StatusAnswer {
  readonly epoch: number
  /** Member → its state, for every other member. */
  readonly states: Readonly<Record<string, MemberState>>
  /** What the node has under way to owners. A node of version 2 sends none. */
  readonly unsettled: Unsettled
  /** The members with a second process that the node refuses. A node of version 2 sends none. */
  readonly twins: readonly string[]
}

/**
 * [] → [epoch, states, unsettled, twins], with states [member, state, …] and unsettled [hints, writes, exchanges].
 * Version 2 sends and reads only the first two.
 */
export const STATUS: AskFormat<NoFields, StatusAnswer> = {
  kind: 'status',
  isAnyEpoch: true,
  ...WITHOUT_FIELDS,
  encodeAnswer({ epoch, states, unsettled, twins }, message) {
    const { hints, writes, exchanges } = unsettled
    message.push(epoch, Object.entries(states).flat(), [hints, writes, exchanges], twins)
  },
  decodeAnswer([epoch, states, unsettled, twins]) {
    return {
      epoch: countIn(epoch),
      states: statesIn(states),
      unsettled: unsettled === undefined ? NOTHING_UNSETTLED : unsettledIn(unsettled),
      twins: twins === undefined ? [] : textsIn(twins),
    }
  },
}

function statesIn(field: unknown): Record<string, MemberState> {
  const fields = listIn(field)
  const states: [string, MemberState][] = []
  for (let i = 0; i < fields.length; i += 2) {
    const state = fields[i + 1]
    if (!isMemberState(state)) throw new Error('a field is not a state of a member')
    states.push([textIn(fields[i]), state])
  }
  return Object.fromEntries(states)
}

function unsettledIn(field: unknown): Unsettled {
  const [hints, writes, exchanges] = listIn(field)
  return { hints: countIn(hints), writes: countIn(writes), exchanges: countIn(exchanges) }
}
