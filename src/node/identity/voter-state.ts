/**
 * The stored state of this node as a voter (topology-acceptor.ts): its acceptor state in one instance, and whether
 * promises or votes of an earlier life are lost.
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

/** The progress of recalling what earlier lives promised (topology-recall.ts). */
export interface RecallState {
  /** Whether an earlier life may have taken part in instances that this life does not know. */
  readonly isLost: boolean
  /**
   * This node's clock at its last completed recall; undefined if there was none. The promises of all lives that were
   * heard up to this time are known again. Every later life has higher stamps, because the clock's bound is above it.
   */
  readonly recalledUpTo?: Timestamp
}

/** Marks the votes as lost, before the node starts on a directory that may lack them. Rejects with a `DiskError`. */
export async function markVoteLost(state: NodeState): Promise<void> {
  await state.set(
    'acceptor',
    encodeVoter(decodeVoter(state.get('acceptor')).held, { isLost: true }),
  )
}

/**
 * The time up to which the promises of earlier lives have been recalled; 0 if they must be recalled first, or never had
 * to be. `saved`: the stored value `acceptor`.
 */
export function recalledUpToIn(saved: Encodable | undefined): Timestamp {
  const { isLost, recalledUpTo = 0 } = decodeVoter(saved)
  return isLost ? 0 : recalledUpTo
}

export function encodeVoter(
  { instance, state }: Held,
  { isLost, recalledUpTo = 0 }: RecallState,
): Encodable[] {
  const { promised, accepted, value } = state
  const ballots = [[...encodeBallot(promised)], [...encodeBallot(accepted)]]
  return [instance, ...ballots, value, isLost, recalledUpTo]
}

/** The previous format has no instance. It decodes as instance 0, which is before all others. */
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
