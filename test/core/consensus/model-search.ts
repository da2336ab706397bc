/** Looks at every world that can come of a first one, and what the small worlds of consensus have in common. */
import type { StoredObject } from '../../../src/core/causality/stored-object.ts'
import type { AcceptorReply } from '../../../src/core/consensus/acceptor.ts'
import { type Ballot, BALLOT_ZERO } from '../../../src/core/consensus/ballot.ts'
import { atBallot } from '../../../src/core/consensus/register.ts'
import { EMPTY_VECTOR } from '../../../src/core/causality/version-vector.ts'

export interface SearchOutcome {
  readonly states: number
  /** The shortest way to a world that must not be, and what is wrong there. */
  readonly violation: string | undefined
  /** Things that happened in some run: without them the check would prove nothing. */
  readonly met: ReadonlySet<string>
}

export interface Step<World> {
  /** Says what happens. Only the steps of a way that is shown are asked. */
  readonly step: () => string
  /** Undefined where nothing happens. */
  readonly make: () => World | undefined
}

/** What is wrong in a world that must not be. */
export class Wrong extends Error {}

/** The value of the register: the names of the changes made to it, one letter each. */
export interface Held extends StoredObject {
  readonly letters: string
  readonly ballot: Ballot
}

export const NOTHING: Held = {
  vector: EMPTY_VECTOR,
  siblings: [],
  letters: '',
  ballot: BALLOT_ZERO,
}

/** The value of `letters` that is proposed at a ballot. */
export function heldAt(before: Held, ballot: Ballot, letters: string): Held {
  return { ...atBallot(before, ballot), letters, ballot }
}

/** What a proposer was answered. */
export interface Answered {
  readonly from: string
  readonly phase: 'prepare' | 'accept'
  readonly reply: AcceptorReply<Held>
}

/** How a world was reached: by the step of that number among those of the world before it. */
interface Way {
  readonly number: number
  readonly from: Way | undefined
}

interface Visit<World> {
  readonly world: World
  readonly way: Way | undefined
}

/** Breadth first. Worlds of the same key are looked at once. `met` is told by who makes the steps. */
export function search<World>(
  first: World,
  keyOf: (world: World) => string,
  steps: (world: World) => Iterable<Step<World>>,
  statesMax: number,
  met: ReadonlySet<string>,
): SearchOutcome {
  const seen = new Set([keyOf(first)])
  // A way is kept as numbers, not as worlds: nearly all of the worlds can be forgotten then.
  let visits: Visit<World>[] = [{ world: first, way: undefined }]
  while (visits.length > 0) {
    const next: Visit<World>[] = []
    for (const { world: before, way: from } of visits) {
      let number = -1
      try {
        for (const { make } of steps(before)) {
          number++
          const world = make()
          if (world === undefined) continue
          const key = keyOf(world)
          if (seen.has(key)) continue
          seen.add(key)
          if (seen.size > statesMax) throw new Error(`more than ${statesMax} states`)
          next.push({ world, way: { number, from } })
        }
      } catch (error) {
        if (!(error instanceof Wrong)) throw error
        const told = stepsOn(first, { number, from }, steps)
        const violation = ['start', ...told, error.message].join('\n')
        return { states: seen.size, violation, met }
      }
    }
    visits = next
  }
  return { states: seen.size, violation: undefined, met }
}

/** Goes a way again, and tells its steps. The last one leads to what is wrong, so it is not made. */
function stepsOn<World>(
  first: World,
  way: Way,
  steps: (world: World) => Iterable<Step<World>>,
): string[] {
  const numbers: number[] = []
  for (let at: Way | undefined = way; at !== undefined; at = at.from) numbers.push(at.number)
  const told: string[] = []
  let world = first
  while (numbers.length > 0) {
    const next = [...steps(world)][numbers.pop() as number] as Step<World>
    told.push(next.step())
    if (numbers.length > 0) world = next.make() as World
  }
  return told
}

export function textOf({ counter, node }: Ballot): string {
  return `${counter}${node}`
}

export function textOfReply(reply: AcceptorReply<Held>): string {
  if (reply.type === 'promise') return textOf(reply.accepted)
  return `${reply.type}${reply.type === 'conflict' && reply.mayHaveAccepted ? '?' : ''}`
}

/** Tells apart all that may be answered to one question. */
export function textOfAnswer({ from, phase, reply }: Answered): string {
  const about =
    reply.type === 'promise'
      ? (reply.value?.letters ?? '')
      : reply.type === 'conflict'
        ? textOf(reply.seen)
        : ''
  return `${from} ${phase} ${textOfReply(reply)} ${about}`
}
