/**
 * Assigns the members to each data partition, in order of preference. The lists are balanced at each length, so buckets
 * of any n are balanced. Owners are in distinct zones as long as there are zones left.
 *
 * The algorithm is greedy, position by position: it fills the first position of all partitions, then the second, and so
 * on. It picks the member in the zone that the partition uses least, then the one with the least load. A hash breaks
 * ties, so that two members have different neighbours, and the load of a lost member spreads over all others.
 */
import { hashText } from '../hash/text-hash.ts'
import { type Member, PARTITION_COUNT } from './topology.ts'

/**
 * For each partition the indexes of all members, most preferred first. With `previous`, the placement in force, only
 * members added since (at the end of the list) get a share: each takes it from the members that have most. Nothing
 * moves between the other members.
 */
export function placePartitions(
  members: readonly Member[],
  previous?: readonly (readonly number[])[],
): number[][] {
  if (previous === undefined) return placeAll(members)
  const lists = previous.map((list) => [...list])
  const known = previous[0]?.length ?? 0
  for (let added = known; added < members.length; added++) insertMember(members, lists, added)
  return lists
}

/** An owner in one placement that is not an owner in the other. */
export interface MovedOwner {
  readonly partition: number
  readonly to: number
}

/** The copies to make to get from one placement to the other, for buckets of n copies. */
export function movedOwners(
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  n: number,
): MovedOwner[] {
  return after.flatMap((list, partition) =>
    list
      .slice(0, n)
      .filter((to) => before[partition]?.slice(0, n).includes(to) !== true)
      .map((to) => ({ partition, to })),
  )
}

function placeAll(members: readonly Member[]): number[][] {
  const lists: number[][] = Array.from({ length: PARTITION_COUNT }, () => [])
  const load = members.map(() => 0)
  for (let position = 0; position < members.length; position++) {
    const here = members.map(() => 0)
    for (const [partition, list] of lists.entries()) {
      const chosen = best(members, list, partition, load, here)
      list.push(chosen)
      load[chosen] = (load[chosen] as number) + 1
      here[chosen] = (here[chosen] as number) + 1
    }
  }
  return lists
}

/**
 * Gives a new member its share of every position. It replaces the member there, which moves to the end of the list. It
 * gets less if only members of its own zone could make room, because no owners may lose a zone.
 */
function insertMember(members: readonly Member[], lists: number[][], added: number): void {
  const share = Math.floor(PARTITION_COUNT / (added + 1))
  const load = members.map(() => 0)
  for (let position = 0; position < added; position++) {
    for (const list of lists) {
      const i = list[position] as number
      load[i] = (load[i] as number) + 1
    }
    for (let taken = 0; taken < share; taken++) {
      const list = heaviest(members, lists, { added, position, load })
      if (list === undefined) break
      const [displaced] = list.splice(position, 1, added) as [number]
      list.push(displaced)
      load[displaced] = (load[displaced] as number) - 1
      load[added] = (load[added] as number) + 1
    }
  }
  for (const list of lists) if (!list.includes(added)) list.push(added)
}

/** The list whose member at that position has the largest load, if that is more than the new member would then have. */
function heaviest(
  members: readonly Member[],
  lists: readonly number[][],
  { added, position, load }: { added: number; position: number; load: readonly number[] },
): number[] | undefined {
  let found: number[] | undefined
  let most = (load[added] as number) + 1
  for (const list of lists) {
    const carried = load[list[position] as number] as number
    if (carried <= most || list.includes(added)) continue
    if (losesZone(members, list, position, added)) continue
    found = list
    most = carried
  }
  return found
}

/** Whether some first n members of the list would be in fewer zones with the new member at that position. */
function losesZone(
  members: readonly Member[],
  list: readonly number[],
  position: number,
  added: number,
): boolean {
  const before = new Set<string | undefined>()
  const after = new Set<string | undefined>()
  return list.some((i, at) => {
    before.add(members[i]?.zone)
    after.add(members[at === position ? added : i]?.zone)
    return after.size < before.size
  })
}

function best(
  members: readonly Member[],
  list: readonly number[],
  partition: number,
  load: readonly number[],
  here: readonly number[],
): number {
  const zonesUsed = (i: number): number =>
    list.filter((other) => members[other]?.zone === members[i]?.zone).length
  const tieBreak = (i: number): number => hashText(`${partition}/${members[i]?.id}`)
  /** Below 0 if `a` is better. */
  const compare = (a: number, b: number): number =>
    zonesUsed(a) - zonesUsed(b) ||
    (load[a] as number) - (load[b] as number) ||
    (here[a] as number) - (here[b] as number) ||
    tieBreak(a) - tieBreak(b)
  let chosen: number | undefined
  for (let i = 0; i < members.length; i++) {
    if (list.includes(i)) continue
    if (chosen === undefined || compare(i, chosen) < 0) chosen = i
  }
  return chosen as number
}
