/**
 * Every way in which one round of a write can go, for each kind of round: each ask ends in each way, in each order, the
 * deadline passes at each moment, or never.
 */
import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import type { WriteAsk } from '../../../src/core/quorum/joint-tally.ts'
import type { OwnerGroups } from '../../../src/core/quorum/owner-groups.ts'
import type { ReplyKind } from '../../../src/core/quorum/tally.ts'
import {
  type Settled,
  type StandIn,
  WriteRound,
} from '../../../src/core/replication/write-round.ts'

/** What is done by whoever is asked, and what the coordinator hears of it. */
interface Fate {
  readonly holds: boolean
  readonly reply: ReplyKind
}

const OF_AN_OWNER: readonly Fate[] = [
  { holds: true, reply: 'stored' },
  { holds: false, reply: 'refused' },
  { holds: true, reply: 'lost' },
  { holds: false, reply: 'lost' },
]
const OF_A_STAND_IN: readonly Fate[] = [
  { holds: true, reply: 'hinted' },
  { holds: false, reply: 'refused' },
  { holds: true, reply: 'lost' },
]

interface Kind {
  readonly name: string
  readonly groups: OwnerGroups
  readonly need: number
  readonly sloppy: boolean
  readonly standIns: readonly StandIn[]
  readonly missed: readonly string[]
  /** Owners in reach other than n1, which coordinates. */
  readonly owners: readonly string[]
  /** How such a round can end. Of more than one copy it ends before everybody has refused. */
  readonly ends: readonly Settled[]
}

const OWNERS = ['n1', 'n2', 'n3']
const KINDS: readonly Kind[] = [
  {
    name: 'at a majority',
    groups: [OWNERS],
    need: 2,
    sloppy: false,
    standIns: [],
    missed: [],
    owners: ['n2', 'n3'],
    ends: ['met', 'unknown'],
  },
  {
    name: 'at all',
    groups: [OWNERS],
    need: 3,
    sloppy: false,
    standIns: [],
    missed: [],
    owners: ['n2', 'n3'],
    ends: ['met', 'unknown'],
  },
  {
    name: 'with one away',
    groups: [OWNERS],
    need: 2,
    sloppy: false,
    standIns: [],
    missed: ['n3'],
    owners: ['n2'],
    ends: ['met', 'unknown'],
  },
  {
    name: 'at one that does not own the key',
    groups: [['n2', 'n3', 'n4']],
    need: 2,
    sloppy: false,
    standIns: [],
    missed: ['n4'],
    owners: ['n2', 'n3'],
    ends: ['met', 'unknown'],
  },
  {
    name: 'with a stand-in',
    groups: [OWNERS],
    need: 1,
    sloppy: true,
    standIns: [{ owner: 'n3', holder: 'n4' }],
    missed: [],
    owners: ['n2'],
    ends: ['met', 'rejected', 'unknown'],
  },
  {
    name: 'with this node as the stand-in',
    groups: [['n2', 'n3']],
    need: 1,
    sloppy: true,
    standIns: [
      { owner: 'n2', holder: 'n1' },
      { owner: 'n3', holder: 'n1' },
    ],
    missed: [],
    owners: [],
    ends: ['met', 'rejected', 'unknown'],
  },
  {
    name: 'while the key moves',
    groups: [OWNERS, ['n1', 'n2', 'n4']],
    need: 2,
    sloppy: false,
    standIns: [],
    missed: [],
    owners: ['n2', 'n3', 'n4'],
    ends: ['met', 'unknown'],
  },
]

interface Ask {
  readonly ask: WriteAsk
  readonly fates: readonly Fate[]
}

function asksOf({ groups, owners, standIns }: Kind): Ask[] {
  const asks = owners.map((node): Ask => ({ ask: { node, owner: node }, fates: OF_AN_OWNER }))
  for (const { owner, holder } of standIns) {
    asks.push({ ask: { node: holder, owner }, fates: OF_A_STAND_IN })
  }
  if (groups.flat().includes('n1'))
    asks.push({ ask: { node: 'n1', owner: 'n1' }, fates: OF_AN_OWNER })
  return asks
}

function* ordersOf<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length < 2) yield items
  else {
    for (const [i, first] of items.entries()) {
      for (const rest of ordersOf(items.toSpliced(i, 1))) yield [first, ...rest]
    }
  }
}

function* fatesOf(asks: readonly Ask[]): Generator<readonly Fate[]> {
  const [first, ...others] = asks
  if (first === undefined) yield []
  else for (const fate of first.fates) for (const rest of fatesOf(others)) yield [fate, ...rest]
}

/** By node:assert, because there are a million of them: `expect` takes five times as long. */
function check(kind: Kind): { runs: number; ends: Record<string, number> } {
  const { groups, need, sloppy, owners, standIns, missed } = kind
  const ends: Record<string, number> = { met: 0, rejected: 0, unknown: 0 }
  let runs = 0
  const storesHere = groups.flat().includes('n1')
  const targets = { storesHere, owners, standIns, missed }
  for (const order of ordersOf(asksOf(kind))) {
    for (const fates of fatesOf(order)) {
      for (let deadline = 0; deadline <= order.length; deadline++) {
        runs++
        const plan = { self: 'n1', groups, need, sloppy, targets, wholeNeed: 0, isSelfWhole: false }
        const round = new WriteRound(plan)
        /** Owners that have the copy, or for whom it is kept. */
        const held = new Set<string>()
        const owed: string[] = []
        let settled: string | undefined
        let isOver = 0
        const look = (): void => {
          if (settled === undefined) settled = round.settled
          assert.equal(round.settled, settled)
          owed.push(...round.takeOwed())
          if (round.takeEnd()) isOver++
          if (settled === undefined) assert.deepEqual(owed, [])
        }
        look()
        let heldWhenMet: ReadonlySet<string> | undefined
        for (const [i, { ask }] of order.entries()) {
          if (i === deadline) {
            round.expire()
            look()
          }
          const { holds, reply } = fates[i] as Fate
          if (holds) held.add(ask.owner)
          round.record(ask, reply)
          look()
          if (settled === 'met') heldWhenMet ??= new Set(held)
        }
        round.expire()
        look()
        ends[settled as string] = (ends[settled as string] as number) + 1
        assert.equal(isOver, 1)
        assert.notEqual(settled, undefined)
        if (settled === 'met') {
          for (const group of groups) {
            const copies = group.filter((owner) => heldWhenMet?.has(owner))
            // One node that stands in for several owners has one copy.
            if (standIns.length < 2) assert.ok(copies.length >= need)
          }
          if (groups[0]?.includes('n1') === true) assert.equal(heldWhenMet?.has('n1'), true)
        }
        if (settled === 'rejected') assert.deepEqual([...held, ...owed], [])
        else {
          // Whoever is asked, and may lack the copy, is owed a hint; what this node keeps, or failed to keep, is not.
          const lacking = order.flatMap(({ ask }, n) => {
            const { reply } = fates[n] as Fate
            return ask.node !== 'n1' && (reply === 'refused' || reply === 'lost') ? [ask.owner] : []
          })
          assert.deepEqual(owed.toSorted(), [...missed, ...lacking].toSorted())
        }
      }
    }
  }
  return { runs, ends }
}

describe('a round of a write, in every way that it can go', () => {
  it.each(KINDS)('$name', (kind) => {
    const { runs, ends } = check(kind)
    const met = Object.keys(ends).filter((end) => (ends[end] as number) > 0)
    expect(met).toEqual(kind.ends)
    expect(runs).toBeGreaterThan(10)
  })
})
