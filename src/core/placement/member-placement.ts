/**
 * Computes the placement after a change of the members from the one before. Between members that stay, copies move only
 * to keep the placement balanced. A joining member starts at the end of each list (`withNewcomer`). A leaving member
 * stays at the end of each list until it is no longer a member.
 */
import { hashText } from '../hash/text-hash.ts'
import { rebalance } from './placement-balance.ts'
import { placePartitions } from './placement-plan.ts'
import { type Member, PARTITION_COUNT } from './topology.ts'

type Lists = readonly (readonly number[])[]

/** `added` is the index of the last member. */
export function withNewcomer(before: Lists, added: number): number[][] {
  return before.map((list) => [...list, added])
}

/** The placement with a share for the last member, which owns nothing before. No member in `spared` gains a copy. */
export function placementWith(
  members: readonly Member[],
  before: Lists,
  spared: ReadonlySet<number>,
): number[][] {
  const added = members.length - 1
  const without = before.map((list) => list.filter((i) => i !== added))
  const lists = placePartitions(members, without)
  rebalance({ members, before, lists, staying: members.length, spared })
  return lists
}

/**
 * The placement without `gone`. In each list, a member behind `gone` takes its position: the one with the least load,
 * in a zone that no earlier member has, if there is one. So each list gets at most one new owner, for any number of
 * copies. No member in `spared` gains a copy, as long as the others are enough.
 */
export function placementWithout(
  members: readonly Member[],
  before: Lists,
  gone: number,
  spared: ReadonlySet<number>,
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
      const chosen = standIn(members, list, { position, partition, load, spared })
      list[list.indexOf(chosen)] = gone
      list[position] = chosen
      load[chosen] = (load[chosen] as number) + 1
    }
  }
  rebalance({ members, before, lists, staying: members.length - 1, spared })
  return lists
}

/**
 * The placement with the existing member `added` in the position of `gone`, wherever `gone` stood before it. If that is
 * too much for it, other members take the rest.
 */
export function placementTakenOver(
  members: readonly Member[],
  before: Lists,
  gone: number,
  added: number,
): number[][] {
  const lists = placementInstead(before, gone, added)
  rebalance({ members, before, lists, staying: members.length - 1, spared: new Set() })
  return lists
}

/** The placement with `added` wherever `gone` stood before it. A newcomer gets exactly the positions of `gone`. */
export function placementInstead(before: Lists, gone: number, added: number): number[][] {
  return before.map((list) => {
    const isBefore = list.indexOf(gone) < list.indexOf(added)
    const swapped = isBefore
      ? list.map((i) => (i === gone ? added : i === added ? gone : i))
      : [...list]
    return [...swapped.filter((i) => i !== gone), gone]
  })
}

/**
 * The placement to come, `after`, in which no member in `spared` gains a copy: it swaps its position with a member
 * behind it, in a zone that no earlier member has, if there is one. `gone` is the index of the leaving member, or -1.
 */
export function placementWithoutGains(
  members: readonly Member[],
  before: Lists,
  after: Lists,
  { spared, gone }: { readonly spared: ReadonlySet<number>; readonly gone: number },
): number[][] {
  /** How many positions each member has got here. */
  const load = new Map<number, number>()
  const loadOf = (taker: number): number => load.get(taker) ?? 0
  const lists = after.map((list) => [...list])
  for (const [partition, list] of lists.entries()) {
    const rankBefore = (i: number): number => before[partition]?.indexOf(i) ?? 0
    for (const i of spared) {
      const at = list.indexOf(i)
      if (at >= rankBefore(i)) continue
      const takers = list.slice(at + 1).filter((taker) => !spared.has(taker) && taker !== gone)
      // Far enough behind, so that the lost member gains nothing for any number of copies.
      const far = takers.filter((taker) => list.indexOf(taker) >= rankBefore(i))
      const [first, ...others] = far.length > 0 ? far : takers.slice(-1)
      if (first === undefined) continue
      const zones = list.slice(0, at).map((earlier) => members[earlier]?.zone)
      const cost = (taker: number): number =>
        (zones.includes(members[taker]?.zone) ? PARTITION_COUNT : 0) + loadOf(taker)
      const chosen = others.reduce((a, b) => (cost(b) < cost(a) ? b : a), first)
      list[list.indexOf(chosen)] = i
      list[at] = chosen
      load.set(chosen, loadOf(chosen) + 1)
    }
  }
  return lists
}

/** The same lists after the member has been removed, with indexes into the remaining members. */
export function withoutMember(lists: Lists, gone: number): number[][] {
  return lists.map((list) => list.filter((i) => i !== gone).map((i) => (i > gone ? i - 1 : i)))
}

function standIn(
  members: readonly Member[],
  list: readonly number[],
  at: {
    position: number
    partition: number
    load: readonly number[]
    spared: ReadonlySet<number>
  },
): number {
  const { position, partition, load, spared } = at
  const zones = list.slice(0, position).map((i) => members[i]?.zone)
  const zonesUsed = (i: number): number => zones.filter((zone) => zone === members[i]?.zone).length
  const tieBreak = (i: number): number => hashText(`${partition}/${members[i]?.id}`)
  const after = list.slice(position + 1)
  const takers = after.filter((i) => !spared.has(i))
  const behind = takers.length === 0 ? after : takers
  const gone = list[position] as number
  /** The position at which the member's zone first appears in the list, ignoring the leaving member. */
  const firstOf = (of: number): number =>
    list.findIndex((i) => i !== gone && members[i]?.zone === members[of]?.zone)
  const own = firstOf(gone)
  const enough = Math.min(own < 0 ? list.length : own, Math.max(...behind.map(firstOf)))
  /**
   * 1 if the owners up to the member's own position would have fewer zones with it than with the leaving member, and
   * another choice avoids that; else 0.
   */
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
