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
import { ballotOf } from '../../../src/core/consensus/register.ts'
import { type Answered, type Held, NOTHING, textOf, textOfReply, Wrong } from './model-search.ts'

export const OWNERS = ['a', 'b', 'c', 'd'] as const

export interface Owner {
  readonly held: Held
  /** The promise beside the record, and the floor. */
  readonly kept: Ballot
  readonly generation: number
  /** Whether d has taken over what it held. */
  readonly isCopied: boolean
}

export interface Attempt {
  readonly ballot: Ballot
  readonly letter: string | undefined
  readonly known: Held | undefined
  readonly generation: number
  readonly log: readonly Answered[]
  readonly proposed: Held | undefined
  readonly result: ProposerResult<Held, null> | undefined
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
  const accepted = ballotOf(held)
  const promised = maxBallot(isHeld ? nextBallot(accepted) : BALLOT_ZERO, kept)
  return { promised, accepted, value: isHeld ? held : null }
}

export function isUncontested({ held, kept }: Owner): boolean {
  return compareBallots(kept, ballotOf(held)) <= 0
}

export function isBelow(a: Held, b: Held): boolean {
  return compareBallots(ballotOf(a), ballotOf(b)) < 0
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

export function withOwner(world: World, index: number, owner: Owner): World {
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
  const each = owners.map(({ held, kept, generation, isCopied }) => {
    const copied = isSwitched ? '' : String(isCopied)
    return `${textOf(ballotOf(held))},${textOf(kept)},${generation}${copied}`
  })
  for (const mine of attempts) {
    key += '|'
    for (const [at, { ballot, generation, log, proposed, result }] of mine.entries()) {
      key += `;${textOf(ballot)},${generation},${proposed?.letters ?? '-'},`
      if (result !== undefined) {
        const isLasting = result.type === 'decided' && !result.isContested
        key += isLasting ? 'decided' : 'over'
        continue
      }
      if (at < mine.length - 1) continue
      key += String(log.some(({ reply }) => reply.type === 'conflict'))
      const phase = proposed === undefined ? 'prepare' : 'accept'
      for (const [i, owner] of OWNERS.entries()) {
        const answered = log.find((one) => one.phase === phase && one.from === owner)
        each[i] += `;${answered === undefined ? '-' : textOfReply(answered.reply)}`
      }
    }
  }
  const [a, b, c, d] = each as [string, string, string, string]
  return `${key}|${a}|${b < c ? `${b}|${c}` : `${c}|${b}`}|${d}`
}
