/** The pure parts of the picture: groups, places on the circle, and words. */
import { describe, expect, it } from 'vitest'
import {
  CENTER,
  dividers,
  halfHead,
  laneOf,
  NODE_RADIUS,
  nodePlace,
  PICTURE,
  pointAt,
} from '../../src/lab/picture/circle-layout.ts'
import { circleOrder, gapsBetween, groupsOf } from '../../src/lab/picture/cut-groups.ts'
import { shownMessage } from '../../src/lab/picture/message-class.ts'
import { clockWords, heldWords } from '../../src/lab/picture/node-words.ts'
import { answeredWords, askedWords, problemOf } from '../../src/lab/picture/request-words.ts'
import { scaleEnd, timeRows } from '../../src/lab/picture/time-marks.ts'
import { InteractiveWorld } from '../../src/simulation/interactive/interactive-world.ts'
import type { RequestView } from '../../src/simulation/interactive/timed-clients.ts'
import { SPLIT_PLAN } from '../simulation/interactive/split-plan.ts'

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']
const NODES = IDS.map((id) => ({ id }))

function cut(...pairs: readonly string[]) {
  return pairs.map((pair) => {
    const [from = '', to = ''] = pair.split('>')
    return { from, to, cut: 'mute' as const }
  })
}

describe('groups', () => {
  it('are joined by links that are cut in no direction', () => {
    expect(groupsOf(NODES, [])).toEqual([IDS])
    expect(groupsOf(NODES.slice(0, 3), cut('n1>n2', 'n3>n1'))).toEqual([['n1'], ['n2', 'n3']])
    expect(groupsOf(NODES.slice(0, 3), cut('n1>n2'))).toEqual([['n1', 'n2', 'n3']])
  })

  it('stand together on the circle, which changes only if it must', () => {
    const near = [
      ['n1', 'n5'],
      ['n2', 'n3', 'n4'],
    ]
    expect(circleOrder(IDS, near)).toEqual(IDS)
    expect(gapsBetween(IDS, near)).toEqual([1, 4])
    const apart = [
      ['n1', 'n3'],
      ['n2', 'n4', 'n5'],
    ]
    const order = circleOrder(IDS, apart)
    expect(order).toEqual(['n1', 'n3', 'n2', 'n4', 'n5'])
    expect(gapsBetween(order, apart)).toEqual([0, 2])
    expect(gapsBetween(IDS, [IDS])).toEqual([])
  })
})

describe('the circle', () => {
  it('begins at the top and goes clockwise, inside of the picture', () => {
    for (const count of [3, 5, 9]) {
      const places = IDS.map((_, i) => nodePlace(i, count))
      expect(places[0]!.x).toBeCloseTo(CENTER.x)
      expect(places[0]!.y).toBeLessThan(CENTER.y)
      expect(places[1]!.x).toBeGreaterThan(CENTER.x)
      for (const { x, y } of places) {
        expect(Math.min(x, PICTURE.width - x, y, PICTURE.height - y)).toBeGreaterThan(NODE_RADIUS)
      }
    }
  })

  it('gives each direction of a link a lane of its own, from rim to rim', () => {
    const [a, b] = [
      { x: 0, y: 0 },
      { x: 200, y: 0 },
    ]
    const there = laneOf(a, b)
    const back = laneOf(b, a)
    expect(there.from.y).toBeGreaterThan(0)
    expect(back.from.y).toBe(-there.from.y)
    expect(there.from.x).toBeGreaterThan(NODE_RADIUS)
    expect(there.to.x).toBeLessThan(200 - NODE_RADIUS)
    expect(pointAt(there, 0.5).x).toBe(100)
    expect(pointAt(there, 2)).toEqual(there.to)
    expect(halfHead(there, 8)).toMatch(/^M[\d.]+ [\d.]+L[\d.]+ [\d.]+L[\d.]+ [\d.]+Z$/)
  })

  it('is divided by one line between two groups, and by a star between more', () => {
    expect(dividers([], 5)).toEqual([])
    expect(dividers([1, 4], 5)).toHaveLength(1)
    const star = dividers([0, 1, 3], 5)
    expect(star.map(({ from }) => from)).toEqual([CENTER, CENTER, CENTER])
  })
})

describe('the time line', () => {
  it('marks faults, requests and repairs, also those that are still to come', async () => {
    const world = await InteractiveWorld.replayed(SPLIT_PLAN, 9_500_000)
    const rows = timeRows({ view: world.view(), plan: SPLIT_PLAN, endUs: 12_000_000 })
    const signs = rows.map(({ name, marks }) => [name, marks.map(({ sign }) => sign).join('')])
    expect(signs.slice(0, 3)).toEqual([
      ['Faults', '▲△'],
      ['Client A', '✓?'],
      ['Client B', '✓·'],
    ])
    expect(rows.at(-1)).toMatchObject({ name: 'Repairs' })
    expect(rows.at(-1)!.marks[0]!.words).toMatch(/^n\d gives n\d its copy of default\/cart/)
    expect(rows[1]!.marks[0]).toMatchObject({ atUs: 2_000_000, state: 'ok', request: 1 })
  })

  it('ends at a round time', () => {
    const ends = [0, 1, 1.2, 4.6, 9.9, 10.1, 65, 3600].map((each) => scaleEnd(each * 1e6) / 1e6)
    expect(ends).toEqual([1, 1, 1.5, 5, 10, 15, 80, 4000])
  })
})

describe('words', () => {
  const request: RequestView = {
    number: 3,
    action: {
      do: 'put',
      client: 2,
      node: 'n1',
      level: 'quorum',
      bucket: 'default',
      key: 'k',
      value: 'v',
    },
    state: 'ok',
    sentUs: 1,
    endedUs: 2,
    error: null,
    values: null,
    replicas: [],
  }
  const failed: RequestView = {
    ...request,
    state: 'rejected',
    error: 'quorum_unreachable: 1 of 2 owners answered',
    replicas: [{ node: 'n2', status: 'timeout', ms: 3 }] as never,
  }

  it('tell what was asked and answered', () => {
    expect(askedWords(request)).toBe('B puts "v" at n1, level quorum')
    expect(answeredWords(request)).toBe('acknowledged')
    const read = { ...request, values: [] as string[] }
    expect(answeredWords(read)).toBe('found no value')
    expect(answeredWords({ ...read, values: ['a'] })).toBe('found "a"')
    expect(answeredWords({ ...read, values: ['a', 'b'] })).toBe('found 2 siblings: "a", "b"')
    expect(answeredWords(failed)).toBe('rejected, nothing was applied: 1 of 2 owners answered')
  })

  it('have the problem document that a node answers', () => {
    expect(problemOf(request)).toBeNull()
    expect(problemOf({ ...failed, error: 'nobody listens at the node' })).toBeNull()
    expect(problemOf(failed)).toMatchObject({
      status: 503,
      code: 'quorum_unreachable',
      outcome: 'rejected',
      detail: '1 of 2 owners answered',
      replicas: [{ node: 'n2' }],
    })
  })

  it('tell what a node holds, and how wrong its clock is', () => {
    const sibling = { actor: 'n1~a', timestamp: 1, isTombstone: false, value: 'v' }
    const copy = { isDamaged: false, vector: {}, siblings: [sibling] }
    expect(heldWords(undefined)).toEqual([])
    expect(heldWords(copy)).toEqual(['“v”'])
    expect(heldWords({ ...copy, siblings: [{ ...sibling, isTombstone: true }] })).toEqual([
      '† deleted',
    ])
    expect(heldWords({ ...copy, isDamaged: true })).toEqual(['damaged'])
    expect([0, 300, -300_000].map(clockWords)).toEqual([null, '+300 ms', '−300 s'])
  })

  it('show the rarest message of a frame', () => {
    const kinds = ['swim', 'sync', 'apply'].map((kind) => ({ kind, answer: null }))
    expect(shownMessage(kinds)?.kind).toBe('apply')
    expect(shownMessage(kinds.slice(0, 1))?.kind).toBe('swim')
    expect(shownMessage([])).toBeUndefined()
  })
})
