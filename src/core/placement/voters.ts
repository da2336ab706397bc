/**
 * Who decides the next document: an odd number of members, for one more of them would bear no more failures, and at
 * most VOTERS_MAX, for every decision waits for a majority of them.
 */
import { type Member, VOTERS_MAX } from './topology.ts'

/** Of members none of which has voted yet. */
export function chooseVoters(members: readonly Member[]): string[] {
  return votersAfter([], members)
}

/** Those that have voted go on as long as they are members; others join them, from the zones with the fewest voters. */
export function votersAfter(before: readonly string[], members: readonly Member[]): string[] {
  const most = Math.min(VOTERS_MAX, members.length)
  const count = most % 2 === 0 ? most - 1 : most
  const chosen = members.filter(({ id }) => before.includes(id)).slice(0, count)
  const waiting = members.filter(({ id }) => !before.includes(id))
  const inZone = (zone: string): number => chosen.filter((other) => other.zone === zone).length
  while (chosen.length < count) {
    const least = Math.min(...waiting.map(({ zone }) => inZone(zone)))
    const next = waiting.findIndex(({ zone }) => inZone(zone) === least)
    chosen.push(...waiting.splice(next, 1))
  }
  return chosen.map(({ id }) => id)
}
