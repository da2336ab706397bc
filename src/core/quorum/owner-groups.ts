/**
 * The groups of owners that must each reach the quorum: the owners of a key and, while it moves, its next owners as a
 * second group. A request counts only when enough of each group have answered (joint consensus, Ongaro 2014, section
 * 4.3). Then every later request sees it, whether it asks the old owners, both groups, or the new owners.
 */
export type OwnerGroups = readonly (readonly string[])[]

/** All owners of any group, each once, the present owners first. */
export function allOwners(groups: OwnerGroups): readonly string[] {
  const [only, next] = groups
  if (only === undefined || next === undefined) return only ?? []
  return [...only, ...next.filter((owner) => !only.includes(owner))]
}

/** Whether at least `need` owners of each group satisfy `has`. */
export function everyGroup(
  groups: OwnerGroups,
  need: number,
  has: (owner: string) => boolean,
): boolean {
  return groups.every((owners) => countIn(owners, has) >= need)
}

/** The smallest number of owners in any group that satisfy `has`. */
export function leastCount(groups: OwnerGroups, has: (owner: string) => boolean): number {
  return groups.reduce((least, owners) => Math.min(least, countIn(owners, has)), Infinity)
}

function countIn(owners: readonly string[], has: (owner: string) => boolean): number {
  let count = 0
  for (const owner of owners) if (has(owner)) count++
  return count
}
