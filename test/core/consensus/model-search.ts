/** Looks at every world that can come of a first one, and what the small worlds of consensus have in common. */
import type { StoredObject } from '../../../src/core/causality/stored-object.ts'
import type { AcceptorReply } from '../../../src/core/consensus/acceptor.ts'
import type { Ballot } from '../../../src/core/consensus/ballot.ts'

export interface SearchOutcome {
  readonly states: number
  /** The shortest way to a world that must not be, and what is wrong there. */
  readonly violation: string | undefined
  /** Things that happened in some run: without them the check would prove nothing. */
  readonly met: ReadonlySet<string>
}

export interface Step<World> {
  readonly step: string
  /** Undefined where nothing happens. */
  readonly make: () => World | undefined
}

/** What is wrong in a world that must not be. */
export class Wrong extends Error {}

/** The value of the register: the names of the changes made to it, one letter each. */
export interface Held extends StoredObject {
  readonly letters: string
}

export const NOTHING: Held = { vector: new Map(), siblings: [], letters: '' }

/** What a proposer was answered. */
export interface Answered {
  readonly from: string
  readonly phase: 'prepare' | 'accept'
  readonly reply: AcceptorReply<Held>
}

interface Visit<World> {
  readonly world: World
  readonly step: string
  readonly from: Visit<World> | undefined
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
  const queue: Visit<World>[] = [{ world: first, step: 'start', from: undefined }]
  for (const visit of queue) {
    let step = ''
    try {
      for (const next of steps(visit.world)) {
        step = next.step
        const world = next.make()
        if (world === undefined) continue
        const key = keyOf(world)
        if (seen.has(key)) continue
        seen.add(key)
        if (seen.size > statesMax) throw new Error(`more than ${statesMax} states`)
        queue.push({ world, step, from: visit })
      }
    } catch (error) {
      if (!(error instanceof Wrong)) throw error
      const violation = [...wayTo(visit), step, error.message].join('\n')
      return { states: seen.size, violation, met }
    }
  }
  return { states: seen.size, violation: undefined, met }
}

function wayTo<World>(visit: Visit<World>): string[] {
  const way: string[] = []
  for (let at: Visit<World> | undefined = visit; at !== undefined; at = at.from) way.push(at.step)
  return way.reverse()
}

export function textOf({ counter, node }: Ballot): string {
  return `${counter}${node}`
}

export function textOfReply(reply: AcceptorReply<Held>): string {
  if (reply.type === 'promise') return textOf(reply.accepted)
  return `${reply.type}${reply.type === 'conflict' && reply.mayHaveAccepted ? '?' : ''}`
}
