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

/** For each partition all members' indexes, most preferred first. */
export function placePartitions(members: readonly Member[]): number[][] {
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

function best(
  members: readonly Member[], list: readonly number[], partition: number,
  load: readonly number[], here: readonly number[],
): number {
  const zonesUsed = (i: number): number =>
    list.filter((other) => members[other]?.zone === members[i]?.zone).length
  const ranked = members
    .map((member, i) => ({ i, member }))
    .filter(({ i }) => !list.includes(i))
    .map(({ i, member }) => ({
      i,
      rank: [zonesUsed(i), load[i] as number, here[i] as number, hashText(`${partition}/${member.id}`)],
    }))
  ranked.sort((a, b) => compareRanks(a.rank, b.rank))
  return ranked[0]?.i as number
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i] as number
    if (x !== y) return x - y
  }
  return 0
}
