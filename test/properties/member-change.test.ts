/** Changes of the members: whatever is asked, reported and undone, each comes to an end, with a balanced ring. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  beginChange,
  cancelChange,
  gainedPartitions,
  isMade,
  isUnderWay,
  reportDone,
  waitingFor,
} from '../../src/core/placement/change-steps.ts'
import { QuorateError } from '../../src/core/errors.ts'
import { planChange } from '../../src/core/placement/change-plan.ts'
import { firstTopology } from '../../src/core/placement/first-topology.ts'
import type { ChangeRequest } from '../../src/core/placement/change-target.ts'
import { lostMembers } from '../../src/core/placement/lost-members.ts'
import { SPREAD_MAX } from '../../src/core/placement/placement-balance.ts'
import { movedOwners } from '../../src/core/placement/placement-plan.ts'
import { type Member, PARTITION_COUNT, type Topology } from '../../src/core/placement/topology.ts'
import { checkTopology } from '../../src/core/placement/topology-check.ts'
import { memberNo, topologyOf } from '../core/placement/change-cluster.ts'

const RUNS = { numRuns: 40, seed: 20_261_126 }
const MEMBERS_MIN = 3
/** Of the widest bucket. */
const COPIES_MAX = 3
/** Of a member's share: copies that a change makes to keep the ring balanced, beside those it cannot do without. */
const EXTRA_SHARE_MAX = 0.25

const step = fc.record({
  kind: fc.constantFrom('join', 'leave', 'remove', 'replace', 'replace by a member'),
  /** Who goes, and by whom it is replaced. */
  pick: fc.nat(),
  other: fc.nat(),
  isLost: fc.boolean(),
  /** The change is undone after so many reports, if its copies are still being moved. */
  cancelAfter: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 4, nil: undefined }),
  /** These members are lost, each after so many reports. */
  losses: fc.array(fc.record({ after: fc.integer({ min: 0, max: 6 }), pick: fc.nat() }), {
    maxLength: 2,
  }),
  /** Who of those that are waited for reports next. */
  order: fc.array(fc.nat(), { minLength: 4, maxLength: 8 }),
})
type Step = (typeof step extends fc.Arbitrary<infer T> ? T : never) & object
const stories = fc.record({
  count: fc.integer({ min: MEMBERS_MIN, max: 7 }),
  steps: fc.array(step, { minLength: 1, maxLength: 8 }),
})

function requestOf(topology: Topology, wanted: Step, added: number): ChangeRequest {
  const { members } = topology
  const node = members[wanted.pick % members.length]?.id as string
  const lost = lostMembers(topology)
  const others = members.filter(({ id }) => id !== node && !lost.includes(id))
  if (wanted.kind === 'replace') {
    return { kind: 'replace', old: node, member: memberNo(added), isLost: wanted.isLost }
  }
  if (wanted.kind === 'join' || others.length < MEMBERS_MIN) {
    return { kind: 'join', member: memberNo(added) }
  }
  if (wanted.kind === 'replace by a member') {
    const member = others[wanted.other % others.length] as Member
    return { kind: 'replace', old: node, member, isLost: wanted.isLost }
  }
  return { kind: wanted.kind === 'leave' ? 'leave' : 'remove', node }
}

interface Story {
  /** Each document from the one before, to the last one of the change and of the removals after it. */
  readonly documents: readonly Topology[]
  /** Whether the requested change was undone. */
  readonly isUndone: boolean
  /** The members whose loss was accepted. */
  readonly lost: readonly string[]
}

function runChange(
  before: Topology,
  request: ChangeRequest,
  { cancelAfter, losses, order }: Step,
): Story {
  let isUndone = false
  const lost: string[] = []
  const toLose = [...losses]
  const documents = [beginChange(before, request)]
  for (let reports = 0; ; reports++) {
    const now = documents.at(-1) as Topology
    if (now.change === undefined) return { documents, isUndone, lost }
    const { joining, leaving, phase } = now.change
    const isRequested = ![...lost, ...lostMembers(before)].includes(leaving ?? '')
    if (reports === cancelAfter && phase === 'moving' && isRequested) {
      documents.push(cancelChange(now))
      isUndone = true
      continue
    }
    const at = toLose.findIndex(({ after }) => after === reports)
    const [loss] = at < 0 ? [] : toLose.splice(at, 1)
    const gone = now.members[(loss?.pick ?? 0) % now.members.length]?.id as string
    const next = loss && afterLoss(now, gone)
    if (next !== undefined) {
      documents.push(next)
      lost.push(gone)
      if (gone === joining && phase === 'moving') isUndone = true
      reports--
      continue
    }
    const waiting = waitingFor(now)
    const node = waiting[(order[reports % order.length] as number) % waiting.length] as string
    const reported = reportDone(now, now.change.id, now.change.phase, node)
    expect(reported).toBeDefined()
    documents.push(reported as Topology)
  }
}

/** Undefined if the loss is known already, or nobody would be left. */
function afterLoss(topology: Topology, node: string): Topology | undefined {
  const request = { kind: 'remove', node } as const
  if (isUnderWay(topology, request)) return undefined
  try {
    return beginChange(topology, request)
  } catch (error) {
    if (error instanceof QuorateError && error.code === 'change_refused') return undefined
    throw error
  }
}

/** A lost member is not waited for, and no copies go to it, unless the other members are fewer than the copies. */
function expectNothingOfTheLost(topology: Topology): void {
  const { members, change } = topology
  const lost = lostMembers(topology)
  const live = members.filter(({ id }) => !lost.includes(id) && id !== change?.leaving)
  for (const node of lost) {
    expect(waitingFor(topology)).not.toContain(node)
    if (live.length >= COPIES_MAX) expect(gainedPartitions(topology, node)).toEqual([])
  }
}

/** Partitions by which two members differ, of buckets of each n; `staying` of the members count. */
function spreads(lists: Topology['preference'], staying: readonly number[]): number[] {
  const load = new Map(staying.map((i) => [i, 0]))
  return staying.map((_, position) => {
    for (const list of lists) {
      const i = list[position] as number
      load.set(i, (load.get(i) ?? 0) + 1)
    }
    return Math.max(...load.values()) - Math.min(...load.values())
  })
}

/** Of each data partition, for each n up to the widest bucket's. */
function owners({ members, preference }: Topology): string {
  return preference.map((list) => list.slice(0, 3).map((i) => members[i]?.id)).join('|')
}

function zonesOf({ members }: Topology, list: readonly number[] | undefined, n: number): number {
  return new Set(list?.slice(0, n).map((i) => members[i]?.zone)).size
}

/** What the first document of a change says of the copies. */
function expectFewMoves(begun: Topology, request: ChangeRequest): void {
  const { members, preference, change } = begun
  if (change === undefined || change.phase !== 'moving') return
  const gone = members.findIndex(({ id }) => id === change.leaving)
  const staying = members.length - (gone < 0 ? 0 : 1)
  for (let n = 1; n <= staying; n++) {
    const moved = movedOwners(preference, change.other, n)
    expect(new Set(moved.map(({ partition }) => partition)).size).toBe(moved.length)
    expect(moved.every(({ to }) => to !== gone)).toBe(true)
    const share = (PARTITION_COUNT * n) / staying
    const needed =
      request.kind === 'join'
        ? share
        : preference.filter((list) => list.slice(0, n).includes(gone)).length
    expect(moved.length).toBeLessThanOrEqual(needed + Math.ceil(share * EXTRA_SHARE_MAX))
    if (request.kind === 'replace' && change.joining !== null) expect(moved).toHaveLength(needed)
  }
}

describe('changes of the members', () => {
  it('come to an end by documents that are sound, one epoch after another', () => {
    fc.assert(
      fc.property(stories, ({ count, steps }) => {
        let topology = topologyOf(count)
        steps.forEach((wanted, index) => {
          const request = requestOf(topology, wanted, count + index + 1)
          const { documents, isUndone, lost } = runChange(topology, request, wanted)
          documents.forEach((document, at) => {
            checkTopology(document)
            expectNothingOfTheLost(document)
            expect(document.epoch).toBe(topology.epoch + at + 1)
            const placed = documents[at - 1] ?? topology
            const isMoved = owners(document) !== owners(placed)
            if (isMoved) expect(document.placementVersion).toBe(document.epoch)
          })
          const end = documents.at(-1) as Topology
          const anyPlace = { epoch: end.epoch, placementVersion: end.placementVersion }
          if (!isUndone) expectMade(end, request, lost)
          else if (lost.length === 0) expect(end).toEqual({ ...topology, ...anyPlace })
          for (const node of lost) expectGone(end, node)
          topology = end
        })
      }),
      RUNS,
    )
  })

  it('leave the ring balanced, and copy little more than they must', () => {
    fc.assert(
      fc.property(stories, ({ count, steps }) => {
        let topology = topologyOf(count)
        steps.forEach((wanted, index) => {
          const request = requestOf(topology, wanted, count + index + 1)
          const toTheEnd = { ...wanted, cancelAfter: undefined, losses: [] }
          const [begun, ...later] = runChange(topology, request, toTheEnd).documents
          expectFewMoves(begun as Topology, request)
          topology = later.at(-1) ?? (begun as Topology)
          const all = topology.members.map((_, i) => i)
          for (const spread of spreads(topology.preference, all)) {
            expect(spread).toBeLessThanOrEqual(SPREAD_MAX)
          }
        })
      }),
      RUNS,
    )
  })
})

describe('the plan of a change', () => {
  const outcomeOf = (run: () => unknown): string => {
    try {
      run()
      return 'accepted'
    } catch (error) {
      return (error as QuorateError).code
    }
  }

  it('is refused exactly when the change is refused, at any time', () => {
    fc.assert(
      fc.property(stories, step, ({ count, steps }, later) => {
        let topology = topologyOf(count)
        steps.forEach((wanted, index) => {
          const added = count + index + 1
          const { documents } = runChange(topology, requestOf(topology, wanted, added), wanted)
          const now = documents[later.other % documents.length] as Topology
          const request = requestOf(now, later, added + (later.pick % 2))
          const isKnown = isUnderWay(now, request) || isMade(now, request)
          const asked = outcomeOf(() => isKnown || beginChange(now, request))
          expect(outcomeOf(() => planChange(now, request))).toBe(asked)
          topology = documents.at(-1) as Topology
        })
      }),
      { ...RUNS, numRuns: 20 },
    )
  })
})

describe('a placement after a join or a leave', () => {
  it('has the owners in as many zones as before, as long as there are so many', () => {
    const cases = fc.record({
      count: fc.integer({ min: 4, max: 9 }),
      zones: fc.integer({ min: 2, max: 4 }),
      pick: fc.nat(),
      isLeave: fc.boolean(),
    })
    fc.assert(
      fc.property(cases, ({ count, zones, pick, isLeave }) => {
        const members = Array.from({ length: count }, (_, i) => memberNo(i + 1, `z${i % zones}`))
        const before = { ...firstTopology(members), buckets: topologyOf(count).buckets }
        const node = `n${(pick % count) + 1}`
        const begun = beginChange(
          before,
          isLeave
            ? { kind: 'leave', node }
            : { kind: 'join', member: memberNo(count + 1, `z${pick % zones}`) },
        )
        const staying = begun.members.filter(({ id }) => id !== begun.change?.leaving)
        const zonesLeft = new Set(staying.map(({ zone }) => zone)).size
        begun.change?.other.forEach((list, partition) => {
          for (let n = 1; n <= staying.length; n++) {
            const was = zonesOf(begun, begun.preference[partition], n)
            expect(zonesOf(begun, list, n)).toBeGreaterThanOrEqual(Math.min(was, zonesLeft))
          }
        })
      }),
      RUNS,
    )
  })
})

function expectMade({ members }: Topology, request: ChangeRequest, lost: readonly string[]): void {
  const ids = members.map(({ id }) => id)
  const joins = request.kind === 'join' || request.kind === 'replace'
  if (joins && !lost.includes(request.member.id)) expect(ids).toContain(request.member.id)
  if (request.kind === 'replace') expect(ids).not.toContain(request.old)
  if (request.kind === 'leave' || request.kind === 'remove') expect(ids).not.toContain(request.node)
}

/** It stays called lost if too few members are left for its removal. */
function expectGone({ members, lost = [] }: Topology, node: string): void {
  const live = members.filter(({ id }) => !lost.includes(id))
  if (lost.includes(node)) expect(live.length).toBeLessThan(MEMBERS_MIN)
  else expect(members.map(({ id }) => id)).not.toContain(node)
}
