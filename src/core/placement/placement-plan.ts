/**
 * Which members keep which data partition, in order of preference: balanced at each length of the list, so
 * that buckets of any n are; owners in distinct zones while there are zones left.
 *
 * Greedy, position by position: the first position of all partitions is dealt out, then the second, …, each
 * time to the member that may take it, in the zone least used by that partition, with the least load. Ties
 * go by a hash, so that two members' neighbours differ and the load of a lost one spreads over all others.
 */
import { hashText } from '../hash/text-hash.ts'
import { type Member, PARTITION_COUNT } from './topology.ts'

/**
 * For each partition all members' indexes, most preferred first. With the placement that is in force, only
 * what the members added since (at the end of the list) need is moved: each takes its share from those that
 * have most, and nothing moves between the others.
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

/** An owner that one placement has and the other has not. */
export interface MovedOwner {
  readonly partition: number
  readonly to: number
}

/** The copies that have to be made to get from one placement to another, for buckets of n copies. */
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
 * Gives a new member its share of every position: there it steps in, and who was there goes to the end. It
 * gets less where only members of its own zone can make room, for no owners lose a zone.
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

/** The list whose node at that position carries most, and more than the new member would then. */
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

/** Whether some first n of the list would be in fewer zones with the new member at that position. */
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
  /** Below 0 where `a` is better. */
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
