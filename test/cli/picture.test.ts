/** What the views of several nodes add up to. */
import { describe, expect, test } from 'vitest'
import type { ClusterAnswer, PeerState } from '../../src/cli/store/cluster-answer.ts'
import { pictureOf } from '../../src/cli/store/cluster-picture.ts'
import { percentOf, sentenceOf } from '../../src/cli/store/cluster-words.ts'

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']
const PARTITIONS = 128

interface Given {
  /** Links that are cut, from one node to another. */
  readonly cut?: readonly (readonly [string, string])[]
  /** Data partitions without a quorum, in the view of this node. */
  readonly without?: number
  readonly verdict?: string
}

/** The view of `node`. It learns the views of those that it reaches. */
function viewOf(
  node: string,
  { cut = [], without = 0, verdict = 'trouble.' }: Given,
): ClusterAnswer {
  const isCut = (a: string, b: string): boolean =>
    cut.some(([from, to]) => (from === a && to === b) || (from === b && to === a))
  const state = (from: string, to: string): PeerState => (isOneWay(cut, from, to) ? 'down' : 'up')
  const row = (from: string): Record<string, PeerState> =>
    Object.fromEntries(IDS.filter((to) => to !== from).map((to) => [to, state(from, to)]))
  return {
    clusterId: 'c',
    node,
    epoch: 1,
    members: IDS.map((id) => ({
      id,
      peerUrl: `http://${id}:7080`,
      zone: 'default',
      state: 'up',
      clockOffsetMs: 0,
      lastHeardMsAgo: 0,
      epoch: 1,
      // Three owners of each key.
      partitionsOwned: (PARTITIONS * 3) / 5,
    })),
    voters: IDS,
    moves: null,
    reachability: Object.fromEntries(
      IDS.map((id) => [id, id !== node && isCut(node, id) ? null : row(id)]),
    ),
    partitionsWithoutQuorum: Array.from({ length: without }, (_, i) => i),
    partitions: PARTITIONS,
    hints: {},
    storage: { state: 'ok', reason: '' },
    verdict,
  }
}

function isOneWay(cut: Given['cut'] = [], from: string, to: string): boolean {
  return cut.some(([a, b]) => a === from && b === to)
}

function between(left: readonly string[], right: readonly string[]): [string, string][] {
  return left.flatMap((a) =>
    right.flatMap((b): [string, string][] => [
      [a, b],
      [b, a],
    ]),
  )
}

const healthy = (node: string): string =>
  `${node} reaches all 5 members; reads and writes at quorum work for every key.`

test('a whole cluster is one group, of which one node tells everything', () => {
  const answers = [viewOf('n1', { verdict: healthy('n1') })]
  const picture = pictureOf(answers)
  expect(picture.groups).toEqual([{ nodes: IDS, brokenLinks: [], quorumShare: 1, all: 'every' }])
  expect(sentenceOf(picture, answers)).toBe(
    'Everything works: all 5 members reach each other, and every level works for every key.',
  )
})

test('a whole cluster of which a node complains says so', () => {
  const answers = [viewOf('n1', { verdict: `${healthy('n1')} n1 takes no writes: full.` })]
  expect(sentenceOf(pictureOf(answers), answers)).toMatch(/^Apart from what the nodes say above/)
})

describe('a cut in two', () => {
  const cut = between(['n1', 'n2'], ['n3', 'n4', 'n5'])
  const minority = viewOf('n1', { cut, without: 100 })
  const majority = viewOf('n4', { cut, without: 28 })

  test('shows both groups if both sides were asked', () => {
    const picture = pictureOf([minority, majority])
    expect(picture.groups).toMatchObject([
      { nodes: ['n3', 'n4', 'n5'], quorumShare: 100 / 128, all: 'some' },
      { nodes: ['n1', 'n2'], quorumShare: 28 / 128, all: 'none' },
    ])
    expect(picture.silent).toEqual([])
    expect(sentenceOf(picture, [minority, majority])).toMatch(
      /^The cluster is cut into 2 groups \(n3, n4, n5 \| n1, n2\): reads and writes at quorum and strong work for 78 % of the keys through n3, n4, n5 and for 22 % of the keys through n1, n2; those at weak and eventual for every key/,
    )
  })

  test('shows one group and who is silent if one side was asked', () => {
    const picture = pictureOf([minority])
    expect(picture.groups.map(({ nodes }) => nodes)).toEqual([['n1', 'n2']])
    expect(picture.silent).toEqual(['n3', 'n4', 'n5'])
    const sentence = sentenceOf(picture, [minority])
    expect(sentence).toMatch(/^n3, n4, n5 do not answer: .* 22 % of the keys through n1, n2;/)
    expect(sentence).toMatch(/to see their side, name their endpoints, too\.$/)
  })
})

test('a node between two halves joins them into one group with broken links', () => {
  const cut = between(['n1', 'n2'], ['n4', 'n5'])
  const answers = ['n1', 'n3', 'n5'].map((node) => viewOf(node, { cut, without: 10 }))
  const picture = pictureOf(answers)
  expect(picture.groups.map(({ nodes, all }) => ({ nodes, all }))).toEqual([
    { nodes: IDS, all: 'some' },
  ])
  expect(picture.groups[0]?.brokenLinks).toContainEqual({ from: 'n1', to: 'n4', isOneWay: false })
  expect(sentenceOf(picture, answers)).toMatch(/^some links are cut: .* 92 % of the keys/i)
})

test('a cut in one direction is told with its direction', () => {
  const answers = [viewOf('n2', { cut: [['n1', 'n3']] })]
  expect(pictureOf(answers).groups[0]?.brokenLinks).toEqual([
    { from: 'n1', to: 'n3', isOneWay: true },
  ])
})

test('members are in the order of their numbers', () => {
  const view = viewOf('n1', {})
  const members = ['n10', 'n9', 'n1'].map((id) => ({ ...view.members[0]!, id }))
  const picture = pictureOf([{ ...view, members }])
  expect(picture.members.map(({ id }) => id)).toEqual(['n1', 'n9', 'n10'])
})

test.each([
  [0, '0 %'],
  [0.001, '1 %'],
  [0.5, '50 %'],
  [0.999, '99 %'],
  [1, '100 %'],
])('the share %d is %s', (share, text) => {
  expect(percentOf(share)).toBe(text)
})
