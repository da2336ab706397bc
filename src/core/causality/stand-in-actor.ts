/**
 * The actors of fallbacks, which write a key while none of its owners is in reach. A fallback has not seen the owners'
 * copies, so it never uses its own actor.
 *
 * A *stand-in* `n4~k3x9~m2p~s` makes a series of writes to one key that a fallback coordinates, each on top of the
 * whole object of those before. So its entry in a vector covers all its earlier writes, as an owner's does. A long cut
 * adds one entry in ten minutes, however many writes there are. A *one-off* `n4~k3x9~m2p` makes one write.
 *
 * Invariant: a stand-in mints nothing after its end, which follows from its name. So a node that has settled beyond
 * that end knows its last write.
 */
import type { Actor, Dot, Timestamp } from './dot.ts'
import { TICKS_PER_MS } from './hybrid-clock.ts'

const STAND_IN_MS = 10 * 60_000
const STAND_IN_TICKS = STAND_IN_MS * TICKS_PER_MS
const MARK = 's'
const PARTS_OF_ONE_OFF = 3
const PARTS_OF_STAND_IN = 4

/** `actor` is the actor of the fallback's present life. */
export function oneOffActor(actor: Actor, timestamp: Timestamp): Actor {
  return `${actor}~${timestamp.toString(36)}`
}

/** `start` is a timestamp that the node mints only once. */
export function standInActor(actor: Actor, start: Timestamp): Actor {
  return `${oneOffActor(actor, start)}~${MARK}`
}

/** Whether the actor belongs to a fallback. */
export function isOfFallback(actor: Actor): boolean {
  return actor.split('~').length >= PARTS_OF_ONE_OFF
}

/** The time after which the fallback actor of this dot mints nothing. For a one-off it is the dot itself. */
export function endOfFallback({ actor, timestamp }: Dot): Timestamp {
  const parts = actor.split('~')
  if (parts.length < PARTS_OF_STAND_IN) return timestamp
  return Number.parseInt(parts[PARTS_OF_STAND_IN - 2] as string, 36) + STAND_IN_TICKS
}
