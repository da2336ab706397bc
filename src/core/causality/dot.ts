/**
 * The identity of one write. An actor is one life of one node's disk (`n1~k3x9`: node id, `~`, incarnation). It never
 * mints the same timestamp twice, so (actor, timestamp) names one write for ever.
 */
export interface Dot {
  readonly actor: Actor
  readonly timestamp: Timestamp
}

/** `<node id>~<incarnation>`; longer if a fallback mints (stand-in-actor.ts). */
export type Actor = string

/** A reading of the hybrid clock (see hybrid-clock.ts): a safe integer. */
export type Timestamp = number

export function nodeOfActor(actor: Actor): string {
  const end = actor.indexOf('~')
  return end < 0 ? actor : actor.slice(0, end)
}

/** The total order of dots: by time, then by actor. Zero only for the same write. */
export function compareDots(a: Dot, b: Dot): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp
  return a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : 0
}
