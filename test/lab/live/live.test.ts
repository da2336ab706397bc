/** The live view without a browser: what is shown of the events of a node, and which commands it offers. */
import { describe, expect, it } from 'vitest'
import { parseFault } from '../../../src/chaos/chaos-fault.ts'
import {
  commandsForAll,
  commandsForLink,
  commandsForNode,
} from '../../../src/lab/live/chaos-commands.ts'
import { LiveLog, WINDOW_MS } from '../../../src/lab/live/live-log.ts'
import { liveSight } from '../../../src/lab/live/live-sight.ts'
import type { NodeRepairs, NodeRing, NodeStatus } from '../../../src/lab/live/node-status.ts'
import { placesOf } from '../../../src/lab/picture/places.ts'
import type { ClusterStatus, RingView } from '../../../src/node/service/service.ts'

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']
const START_MS = Date.parse('2026-11-30T12:00:00Z')

/** The time that many ms after the start. */
function timeOf(ms: number): string {
  return new Date(START_MS + ms).toISOString()
}

/** What n1 says while the other nodes of `side` answer it, and nobody else does. */
function statusOf(side: readonly string[] = IDS, more: Partial<NodeStatus> = {}): NodeStatus {
  const views = (id: string): Record<string, 'up' | 'down'> =>
    Object.fromEntries(
      IDS.filter((other) => other !== id).map((other) => [
        other,
        side.includes(other) ? 'up' : 'down',
      ]),
    )
  return {
    time: timeOf(0),
    node: 'n1',
    epoch: 2,
    verdict: 'n1 says so.',
    failureTolerance: 1,
    partitions: 128,
    partitionsWithoutQuorum: [],
    members: IDS.map((id) => ({
      id,
      zone: 'default',
      state: side.includes(id) ? 'up' : 'down',
      clockOffsetMs: 3,
      lastHeardMsAgo: 100,
    })),
    reachability: Object.fromEntries(IDS.map((id) => [id, side.includes(id) ? views(id) : null])),
    hints: {},
    moves: null,
    storage: { state: 'ok' },
    ...more,
  }
}

describe('what is seen of a node', () => {
  it('is the form that the picture shows, for the types of the real node', () => {
    const told = (status: ClusterStatus, ring: RingView): readonly [NodeStatus, NodeRing] => [
      { ...status, time: timeOf(0) },
      ring,
    ]
    expect(told).toBeTypeOf('function')
    const { nodes, links, verdict } = liveSight(statusOf(), null)
    expect(nodes.map(({ state, zone, clockOffsetMs }) => [state, zone, clockOffsetMs])).toEqual(
      IDS.map(() => ['up', null, 0]),
    )
    expect(links).toHaveLength(20)
    expect(links.every(({ isOpen, cut }) => isOpen && cut === null)).toBe(true)
    expect(verdict).toMatchObject({ grade: 'good', title: 'Healthy', spare: 1 })
    expect(verdict.sentences.at(-1)).toBe('Any one more node may fail.')
  })

  it('parts the members that answer from those that do not', () => {
    const status = statusOf(['n1', 'n2'], { partitionsWithoutQuorum: [1, 2], failureTolerance: 0 })
    const sight = liveSight(status, null)
    expect(sight.nodes.map(({ state }) => state)).toEqual([
      'up',
      'up',
      'silent',
      'silent',
      'silent',
    ])
    expect(placesOf(sight).gaps).toEqual([0, 2])
    expect(sight.links.find(({ from, to }) => from === 'n2' && to === 'n3')?.cut).toBe('no answer')
    expect(sight.links.find(({ from, to }) => from === 'n3' && to === 'n2')).toMatchObject({
      isOpen: false,
      cut: null,
    })
    expect(sight.verdict).toMatchObject({ grade: 'lost', title: 'Quorum lost for some keys' })
    expect(sight.verdict.sentences.join(' ')).toContain('n3, n4 and n5 do not answer')
  })

  it('tells how near the loss of a quorum is', () => {
    const none = { failureTolerance: 0 }
    expect(liveSight(statusOf(IDS.slice(0, 4), none), null).verdict).toMatchObject({
      grade: 'limited',
      title: 'Degraded',
      spare: 0,
    })
    const all = { partitionsWithoutQuorum: Array.from({ length: 128 }, (_, i) => i), ...none }
    expect(liveSight(statusOf(['n1'], all), null).verdict.title).toBe('Quorum lost')
    const full = liveSight(statusOf(IDS, { storage: { state: 'full' } }), null)
    expect(full.verdict.grade).toBe('limited')
  })

  it('shows hints where they are kept, zones only if there are several, and wrong clocks', () => {
    const { members } = statusOf()
    const zoned = members.map((member, i) => ({
      ...member,
      zone: i < 2 ? 'a' : i < 4 ? 'b' : 'c',
      clockOffsetMs: i === 3 ? -300_000 : 0,
    }))
    const { nodes } = liveSight(
      statusOf(IDS, { members: zoned, hints: { n4: { pending: 2 }, n5: { pending: 0 } } }),
      null,
    )
    expect(nodes.map(({ zone }) => zone)).toEqual(['a', 'a', 'b', 'b', null])
    expect(nodes[0]!.hints).toEqual({ n4: 2 })
    expect(nodes[3]!.clockOffsetMs).toBe(-300_000)
  })

  it('shows what the owners of a key hold', () => {
    const held = (siblings: number, tombstones = 0) => ({ siblings, tombstones })
    const ring: NodeRing = {
      bucket: 'default',
      key: 'cart',
      preference: [
        { node: 'n2', role: 'owner', holds: held(2) },
        { node: 'n3', role: 'owner', holds: held(1) },
        { node: 'n4', role: 'owner', holds: held(0, 1) },
        { node: 'n5', role: 'fallback', holds: held(0) },
        { node: 'n1', role: 'fallback', holds: null },
      ],
    }
    expect(liveSight(statusOf(), ring).key).toEqual({
      key: 'cart',
      owners: ['n2', 'n3', 'n4'],
      held: {
        n2: ['2 siblings'],
        n3: ['1 value'],
        n4: ['† deleted'],
        n5: [],
        n1: [],
      },
    })
  })
})

describe('the time line of a live cluster', () => {
  const wordsOf = (log: LiveLog): string[] =>
    log.entries.map(({ row, words }) => `${row}: ${words}`)

  it('begins empty, and tells members that fall silent, answer again, join and leave', () => {
    const log = new LiveLog()
    log.status(statusOf())
    log.status(statusOf())
    expect(log.entries).toEqual([])
    log.status(statusOf(['n1', 'n2'], { time: timeOf(1000) }))
    log.status(statusOf(IDS, { time: timeOf(5000) }))
    const fewer = statusOf(IDS).members.slice(0, 4)
    log.status(statusOf(IDS, { time: timeOf(6000), members: fewer }))
    log.status(statusOf(IDS, { time: timeOf(7000) }))
    expect(wordsOf(log)).toEqual([
      'Members: n3, n4 and n5 do not answer n1',
      'Members: n3, n4 and n5 answer n1 again',
      'Members: n5 left',
      'Members: n5 joined',
    ])
    expect(log.entries[0]!.atMs).toBe(START_MS + 1000)
  })

  it('tells links that are cut between members that both answer', () => {
    const log = new LiveLog()
    log.status(statusOf())
    const { reachability } = statusOf()
    const cut = { ...reachability, n2: { ...reachability['n2'], n3: 'down' as const } }
    log.status(statusOf(IDS, { reachability: cut }))
    log.status(statusOf())
    expect(wordsOf(log)).toEqual(['Links: cut: n2 → n3', 'Links: whole again: n2 → n3'])
  })

  it('tells hints and repairs as differences of totals, and nothing after a restart of the node', () => {
    const none: NodeRepairs = {
      time: timeOf(0),
      readRepairs: {},
      hintsStored: {},
      hintsDelivered: {},
      hintsDropped: {},
      exchangedKeys: {},
      movedKeys: {},
    }
    const log = new LiveLog()
    log.status(statusOf())
    log.repairs({ ...none, hintsStored: { n3: 4 } })
    log.repairs({ ...none, hintsStored: { n3: 5 }, readRepairs: { n2: 2 } })
    log.repairs({
      ...none,
      hintsStored: { n3: 5 },
      hintsDelivered: { n3: 5 },
      readRepairs: { n2: 2 },
    })
    log.repairs(none)
    expect(wordsOf(log)).toEqual([
      'Hints: n1 keeps a hint for n3',
      'Repairs: n1 repaired 2 copies of n2 after a read',
      'Hints: n1 delivered 5 hints to n3',
    ])
  })

  it('makes one entry of the requests of some seconds, with their outcomes', () => {
    const log = new LiveLog()
    const told = (
      ms: number,
      ...counts: readonly (readonly [code: string, count: number])[]
    ): void =>
      log.requests({
        time: timeOf(ms),
        counts: counts.map(([code, count]) => ({ op: 'get', level: 'quorum', code, count })),
        boundsSeconds: [],
        durations: [],
      })
    told(0, ['ok', 10])
    told(1000, ['ok', 12], ['key_absent', 1])
    told(2000, ['ok', 13], ['key_absent', 1], ['quorum_unreachable', 2])
    told(9000, ['ok', 13], ['key_absent', 1], ['quorum_unreachable', 2], ['outcome_unknown', 1])
    expect(log.entries.map(({ words, state }) => [words, state])).toEqual([
      ['requests at this node: 4 answered, 2 rejected (quorum_unreachable)', 'rejected'],
      ['requests at this node: 1 unknown (outcome_unknown)', 'unknown'],
    ])
  })

  it('forgets what is older than its window', () => {
    const log = new LiveLog()
    log.note(START_MS, '▲', 'old')
    log.note(START_MS + WINDOW_MS + 1, '△', 'new')
    expect(wordsOf(log)).toEqual(['Members: new'])
  })
})

it('every command that it offers is one that chaos takes', () => {
  const commands = [
    ...commandsForNode('n2'),
    ...commandsForLink('n1', 'n3'),
    ...commandsForAll(IDS),
    ...commandsForAll(['n1']),
  ]
  expect(commands).toHaveLength(4 + 4 + 3 + 2)
  for (const { command, about } of commands) {
    const words = command.split(' ')
    expect(words.splice(0, 4)).toEqual(['npm', 'run', 'chaos', '--'])
    if (words[0] !== 'heal' && words[0] !== 'status') parseFault(words, IDS)
    expect(about).toMatch(/^[A-Z].*\.$/)
  }
})
