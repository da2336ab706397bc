/**
 * What is stored of this node as a voter (topology-acceptor.ts): what it has said in one instance, and whether something
 * that it had said is lost.
 */
import { type AcceptorState, emptyAcceptor } from '../../core/consensus/acceptor.ts'
import { BALLOT_ZERO, encodeBallot, parseBallot } from '../../core/consensus/ballot.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import type { Encodable } from '../../ports/codec.ts'
import type { NodeState } from './node-state.ts'

/** The state of an acceptor of topology documents, and the instance that it belongs to. */
export interface Held {
  readonly instance: number
  readonly state: AcceptorState<string>
}

/** How far what earlier lives had said is known again (topology-recall.ts). */
export interface RecallState {
  /** Whether there may be instances of which an earlier life knew and this one does not. */
  readonly isLost: boolean
  /**
   * What this node's clock read at the last recall that was completed; undefined where nothing was lost yet. What lives
   * have promised that were heard up to there is known again. No later life says so little: the clock's bound is beyond.
   */
  readonly recalledUpTo?: Timestamp
}

/** For a directory that lacks what the node may have said, before it starts. Rejects with a `DiskError`. */
export async function markVoteLost(state: NodeState): Promise<void> {
  await state.set(
    'acceptor',
    encodeVoter(decodeVoter(state.get('acceptor')).held, { isLost: true }),
  )
}

/** Whether a node has to recall what it had said, by what it has stored (`acceptor`). */
export function hasLostVote(saved: Encodable | undefined): boolean {
  return decodeVoter(saved).isLost
}

export function encodeVoter(
  { instance, state }: Held,
  { isLost, recalledUpTo = 0 }: RecallState,
): Encodable[] {
  const { promised, accepted, value } = state
  const ballots = [[...encodeBallot(promised)], [...encodeBallot(accepted)]]
  return [instance, ...ballots, value, isLost, recalledUpTo]
}

/** The format before has no instance: 0, which is before all others. */
export function decodeVoter(data: Encodable | undefined): { held: Held } & RecallState {
  if (!Array.isArray(data)) return { held: { instance: 0, state: emptyAcceptor() }, isLost: false }
  const fields = data as readonly Encodable[]
  const hasInstance = typeof fields[0] === 'number'
  const [instance, promised, accepted, value, isLost, upTo] = hasInstance ? fields : [0, ...fields]
  return {
    held: {
      instance: instance as number,
      state: {
        promised: parseBallot(promised) ?? BALLOT_ZERO,
        accepted: parseBallot(accepted) ?? BALLOT_ZERO,
        value: typeof value === 'string' ? value : null,
      },
    },
    isLost: isLost === true,
    ...(typeof upTo === 'number' && upTo > 0 ? { recalledUpTo: upTo } : {}),
  }
}
