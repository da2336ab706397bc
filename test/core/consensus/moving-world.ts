/** One world of moving-model.ts: the owners, what was sent, and what anybody was told. */
import type { AcceptorState } from '../../../src/core/consensus/acceptor.ts'
import {
  type Ballot,
  BALLOT_ZERO,
  compareBallots,
  maxBallot,
  nextBallot,
} from '../../../src/core/consensus/ballot.ts'
import type { ProposerResult } from '../../../src/core/consensus/proposer.ts'
import { type Answered, type Held, NOTHING, textOf, textOfReply, Wrong } from './model-search.ts'

export const OWNERS = ['a', 'b', 'c', 'd'] as const

interface OwnerState {
  readonly held: Held
  /** The promise beside the record, and the floor. */
  readonly kept: Ballot
  readonly generation: number
  /** Whether d has taken over what it held. */
  readonly isCopied: boolean
}

/** What is asked of an owner again and again is worked out once. */
export interface Owner extends OwnerState {
  readonly isUncontested: boolean
  /** All but `isCopied`. */
  readonly text: string
}

export function ownerOf({ held, kept, generation, isCopied }: OwnerState): Owner {
  const isUncontested = compareBallots(kept, held.ballot) <= 0
  const text = `${textOf(held.ballot)},${textOf(kept)},${generation}`
  return { held, kept, generation, isCopied, isUncontested, text }
}

interface AttemptState {
  readonly ballot: Ballot
  readonly letter: string | undefined
  readonly known: Held | undefined
  readonly generation: number
  readonly log: readonly Answered[]
  readonly proposed: Held | undefined
  readonly result: ProposerResult<Held, null> | undefined
}

export interface Attempt extends AttemptState {
  readonly text: string
  /** What each owner has answered in the present phase. */
  readonly answers: readonly string[]
  /** What becomes of it with one more answer, by the text of the answer. */
  readonly next: Map<string, Attempt>
}

/** What an attempt without a result waits for is told apart; what else it has heard is not. */
export function attemptOf(state: AttemptState): Attempt {
  const { ballot, generation, log, proposed, result } = state
  const head = `;${textOf(ballot)},${generation},${proposed?.letters ?? '-'},`
  const next = new Map<string, Attempt>()
  if (result !== undefined) {
    const isLasting = result.type === 'decided' && !result.isContested
    return { ...state, text: head + (isLasting ? 'decided' : 'over'), answers: [], next }
  }
  const text = head + String(log.some(({ reply }) => reply.type === 'conflict'))
  const phase = proposed === undefined ? 'prepare' : 'accept'
  const answers = OWNERS.map((owner) => {
    const answered = log.find((one) => one.phase === phase && one.from === owner)
    return `;${answered === undefined ? '-' : textOfReply(answered.reply)}`
  })
  return { ...state, text, answers, next }
}

export interface World {
  readonly owners: readonly Owner[]
  readonly attempts: readonly (readonly Attempt[])[]
  /** The highest counter that d has heard of from whom it copies. */
  readonly heard: number
  /** Whether the last generation is there: d is complete. */
  readonly isSwitched: boolean
  readonly hasLost: boolean
  /** The longest value that anybody was told. */
  readonly longest: string
  readonly rejected: string
}

/** As node/strong/register-acceptor.ts has it. */
export function stateOf({ held, kept }: Owner): AcceptorState<Held> {
  const isHeld = held !== NOTHING
  const accepted = held.ballot
  const promised = maxBallot(isHeld ? nextBallot(accepted) : BALLOT_ZERO, kept)
  return { promised, accepted, value: isHeld ? held : null }
}

export function isBelow(a: Held, b: Held): boolean {
  return compareBallots(a.ballot, b.ballot) < 0
}

export function tell(world: World, letters: string): World {
  const { longest } = world
  if (letters.startsWith(longest)) return checked({ ...world, longest: letters })
  if (longest.startsWith(letters)) return world
  throw new Wrong(`two histories: "${longest}" and "${letters}"`)
}

export function checked(world: World): World {
  for (const letter of world.rejected) {
    if (world.longest.includes(letter)) throw new Wrong(`"${letter}" was rejected, and is made`)
  }
  return world
}

export function withOwner(world: World, index: number, changed: OwnerState): World {
  const owner = ownerOf(changed)
  return { ...world, owners: world.owners.map((other, i) => (i === index ? owner : other)) }
}

/** The same for worlds that go on alike: answers count in whatever order they came, and b and c are alike. */
export function keyOf({
  owners,
  attempts,
  heard,
  isSwitched,
  hasLost,
  longest,
  rejected,
}: World): string {
  let key = `${longest}|${rejected}|${isSwitched ? 's' : heard}${hasLost ? 'l' : ''}`
  const each = owners.map(({ text, isCopied }) => (isCopied && !isSwitched ? `${text}+` : text))
  for (const mine of attempts) {
    key += '|'
    for (const { text, answers } of mine) {
      key += text
      for (const [i, answer] of answers.entries()) each[i] += answer
    }
  }
  const [a, b, c, d] = each as [string, string, string, string]
  return `${key}|${a}|${b < c ? `${b}|${c}` : `${c}|${b}`}|${d}`
}
