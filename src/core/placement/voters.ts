/**
 * Chooses the voters that decide the next topology document. Their number is odd, because one more voter would not
 * tolerate more failures. It is at most VOTERS_MAX, because every decision waits for a majority of them.
 */
import { type Member, VOTERS_MAX } from './topology.ts'

/** Chooses voters among members that have never voted. */
export function chooseVoters(members: readonly Member[]): string[] {
  return votersAfter([], members)
}

/**
 * Keeps the voters that are still members. Adds others from the zones with the fewest voters, but none of those in
 * `spared`.
 */
export function votersAfter(
  before: readonly string[],
  members: readonly Member[],
  spared: readonly string[] = [],
): string[] {
  const fit = members.filter(({ id }) => before.includes(id) || !spared.includes(id))
  const most = Math.min(VOTERS_MAX, fit.length)
  const count = most % 2 === 0 ? most - 1 : most
  const chosen = fit.filter(({ id }) => before.includes(id)).slice(0, count)
  const waiting = fit.filter(({ id }) => !before.includes(id))
  const inZone = (zone: string): number => chosen.filter((other) => other.zone === zone).length
  while (chosen.length < count) {
    const least = Math.min(...waiting.map(({ zone }) => inZone(zone)))
    const next = waiting.findIndex(({ zone }) => inZone(zone) === least)
    chosen.push(...waiting.splice(next, 1))
  }
  return chosen.map(({ id }) => id)
}
