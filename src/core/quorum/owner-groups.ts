/**
 * Who has to be counted: the owners of a key, and, while it moves, those that will own it as a second group. What is
 * done counts only where enough of each group have done it (joint consensus, Ongaro 2014, section 4.3): then it is
 * seen by whoever asks the owners before, both, or the owners after.
 */
export type OwnerGroups = readonly (readonly string[])[]

/** Everybody in some group, each once, the present owners first. */
export function allOwners(groups: OwnerGroups): readonly string[] {
  const [only, next] = groups
  if (only === undefined || next === undefined) return only ?? []
  return [...only, ...next.filter((owner) => !only.includes(owner))]
}

/** Whether so many of each group are among those that `has` names. */
export function everyGroup(
  groups: OwnerGroups,
  need: number,
  has: (owner: string) => boolean,
): boolean {
  return groups.every((owners) => countIn(owners, has) >= need)
}

/** The fewest of any group that `has` names. */
export function leastCount(groups: OwnerGroups, has: (owner: string) => boolean): number {
  return groups.reduce((least, owners) => Math.min(least, countIn(owners, has)), Infinity)
}

function countIn(owners: readonly string[], has: (owner: string) => boolean): number {
  let count = 0
  for (const owner of owners) if (has(owner)) count++
  return count
}
