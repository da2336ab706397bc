/**
 * The placement after a change of the members, from the one before. Nothing moves between members that stay, but what
 * keeps the ring balanced; whoever comes is behind all others in each list at first (`withNewcomer`), whoever goes
 * stays behind all others until it is no member any more.
 */
import { hashText } from '../hash/text-hash.ts'
import { rebalance } from './placement-balance.ts'
import { placePartitions } from './placement-plan.ts'
import type { Member } from './topology.ts'

type Lists = readonly (readonly number[])[]

/** `added` is the last of the members. */
export function withNewcomer(before: Lists, added: number): number[][] {
  return before.map((list) => [...list, added])
}

/** With a share for the last of the members, which owns nothing before. */
export function placementWith(members: readonly Member[], before: Lists): number[][] {
  const added = members.length - 1
  const without = before.map((list) => list.filter((i) => i !== added))
  const lists = placePartitions(members, without)
  rebalance({ members, before, lists, staying: members.length })
  return lists
}

/**
 * Without `gone`: wherever it stood, one of those behind it stands in, the one that carries least, in another zone
 * than those before if there is one. So each list has one new owner at most, whatever the number of copies.
 */
export function placementWithout(
  members: readonly Member[],
  before: Lists,
  gone: number,
): number[][] {
  const lists = before.map((list) => [...list])
  const load = members.map(() => 0)
  for (let position = 0; position < members.length - 1; position++) {
    const open: number[] = []
    lists.forEach((list, partition) => {
      if (list[position] === gone) open.push(partition)
      else load[list[position] as number] = (load[list[position] as number] as number) + 1
    })
    for (const partition of open) {
      const list = lists[partition] as number[]
      const chosen = standIn(members, list, { position, partition, load })
      list[list.indexOf(chosen)] = gone
      list[position] = chosen
      load[chosen] = (load[chosen] as number) + 1
    }
  }
  rebalance({ members, before, lists, staying: members.length - 1 })
  return lists
}

/**
 * With `added`, a member already, wherever `gone` stood before it, as far as it can carry that: what is too much for it
 * goes to others.
 */
export function placementTakenOver(
  members: readonly Member[],
  before: Lists,
  gone: number,
  added: number,
): number[][] {
  const lists = placementInstead(before, gone, added)
  rebalance({ members, before, lists, staying: members.length - 1 })
  return lists
}

/** With `added` wherever `gone` stood before it: exactly its places, where `added` is a newcomer. */
export function placementInstead(before: Lists, gone: number, added: number): number[][] {
  return before.map((list) => {
    const isBefore = list.indexOf(gone) < list.indexOf(added)
    const swapped = isBefore
      ? list.map((i) => (i === gone ? added : i === added ? gone : i))
      : [...list]
    return [...swapped.filter((i) => i !== gone), gone]
  })
}

/** The same lists once that member is not among the members any more. */
export function withoutMember(lists: Lists, gone: number): number[][] {
  return lists.map((list) => list.filter((i) => i !== gone).map((i) => (i > gone ? i - 1 : i)))
}

function standIn(
  members: readonly Member[],
  list: readonly number[],
  at: { position: number; partition: number; load: readonly number[] },
): number {
  const { position, partition, load } = at
  const zones = list.slice(0, position).map((i) => members[i]?.zone)
  const zonesUsed = (i: number): number => zones.filter((zone) => zone === members[i]?.zone).length
  const tieBreak = (i: number): number => hashText(`${partition}/${members[i]?.id}`)
  const behind = list.slice(position + 1)
  const gone = list[position] as number
  /** Where the zone first comes in the list, but for who goes. */
  const firstOf = (of: number): number =>
    list.findIndex((i) => i !== gone && members[i]?.zone === members[of]?.zone)
  const own = firstOf(gone)
  const enough = Math.min(own < 0 ? list.length : own, Math.max(...behind.map(firstOf)))
  /** Whether the owners up to its own place have fewer zones with it than with who goes, without need. */
  const losesZone = (i: number): number =>
    firstOf(i) === list.indexOf(i) || firstOf(i) >= enough ? 0 : 1
  return behind.reduce((best, i) => {
    const order =
      losesZone(i) - losesZone(best) ||
      zonesUsed(i) - zonesUsed(best) ||
      (load[i] as number) - (load[best] as number) ||
      tieBreak(i) - tieBreak(best)
    return order < 0 ? i : best
  })
}
