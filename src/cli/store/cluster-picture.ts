/**
 * The views of several nodes put together: who reaches whom, which groups a cut has made, and what still works in each.
 * A node across a cut knows nothing of the other side, so each side must be asked. Pure.
 */
import type { ClusterAnswer, Member, PeerState } from './cluster-answer.ts'

export interface Picture {
  /** In the order of their ids. Those of the newest epoch that was told. */
  readonly members: readonly Member[]
  /** For each member, its own view of the others; null if nobody could tell it. */
  readonly rows: ReadonlyMap<string, Readonly<Record<string, PeerState>> | null>
  /** The largest group first. Together they hold every member whose view is known. */
  readonly groups: readonly Group[]
  /** Members that answered neither this command nor a node that did. */
  readonly silent: readonly string[]
}

/** Members that reach each other, directly or through others of them. */
export interface Group {
  readonly nodes: readonly string[]
  /** Pairs that do not reach each other both ways, although other nodes of the group reach both. */
  readonly brokenLinks: readonly BrokenLink[]
  /** The share of keys, 0 to 1, for which requests at quorum work through this group; undefined if nobody there was asked. */
  readonly quorumShare: number | undefined
  /** Whether a request at `all` works for every key, for some, or for none. */
  readonly all: 'every' | 'some' | 'none'
}

export interface BrokenLink {
  readonly from: string
  readonly to: string
  /** Whether the link works in the other direction. */
  readonly isOneWay: boolean
}

/** `answers` has at least one. */
export function pictureOf(answers: readonly ClusterAnswer[]): Picture {
  const newest = answers.reduce((a, b) => (b.epoch > a.epoch ? b : a))
  const members = newest.members.toSorted((a, b) => compareIds(a.id, b.id))
  const ids = members.map(({ id }) => id)
  const rows = new Map(ids.map((id) => [id, rowOf(id, answers)]))
  const known = ids.filter((id) => rows.get(id) !== null)
  const reaches = (from: string, to: string): boolean => rows.get(from)?.[to] === 'up'
  const isLinked = (a: string, b: string): boolean => reaches(a, b) && reaches(b, a)
  const groups = componentsOf(known, isLinked)
    .map((nodes) => groupOf(nodes, brokenLinksOf(nodes, reaches), members, answers))
    .sort((a, b) => b.nodes.length - a.nodes.length)
  return { members, rows, groups, silent: ids.filter((id) => rows.get(id) === null) }
}

/** n2 before n10. */
function compareIds(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

/** What the member itself said last, or else what it told another node. */
function rowOf(
  id: string,
  answers: readonly ClusterAnswer[],
): Readonly<Record<string, PeerState>> | null {
  const own = answers.find(({ node }) => node === id)
  const tellers = own === undefined ? answers : [own]
  for (const { reachability } of tellers) {
    const row = reachability[id]
    if (row !== undefined && row !== null) return row
  }
  return null
}

function componentsOf(
  ids: readonly string[],
  isLinked: (a: string, b: string) => boolean,
): string[][] {
  const left = new Set(ids)
  const components: string[][] = []
  for (const id of ids) {
    if (!left.delete(id)) continue
    const component = [id]
    for (const one of component) {
      for (const other of left) {
        if (!isLinked(one, other)) continue
        left.delete(other)
        component.push(other)
      }
    }
    components.push(component.sort(compareIds))
  }
  return components
}

function groupOf(
  nodes: readonly string[],
  brokenLinks: readonly BrokenLink[],
  members: readonly Member[],
  answers: readonly ClusterAnswer[],
): Group {
  const asked = answers.filter(({ node }) => nodes.includes(node))
  const shares = asked.map(
    (answer) => 1 - answer.partitionsWithoutQuorum.length / answer.partitions,
  )
  return {
    nodes,
    brokenLinks,
    quorumShare: shares.length === 0 ? undefined : Math.min(...shares),
    all: allOf(nodes, brokenLinks, members, copiesOf(members, answers)),
  }
}

function allOf(
  nodes: readonly string[],
  brokenLinks: readonly BrokenLink[],
  members: readonly Member[],
  copies: number,
): Group['all'] {
  if (nodes.length === members.length && brokenLinks.length === 0) return 'every'
  return nodes.length < copies ? 'none' : 'some'
}

/** How many owners a key has, in the bucket with the most of them. */
function copiesOf(members: readonly Member[], [answer]: readonly ClusterAnswer[]): number {
  const owned = members.reduce((sum, { partitionsOwned }) => sum + partitionsOwned, 0)
  return Math.round(owned / (answer?.partitions ?? 1))
}

function brokenLinksOf(
  nodes: readonly string[],
  reaches: (from: string, to: string) => boolean,
): BrokenLink[] {
  return nodes.flatMap((a, i) =>
    nodes.slice(i + 1).flatMap((b): BrokenLink[] => {
      const there = reaches(a, b)
      const back = reaches(b, a)
      if (there && back) return []
      return [there ? { from: b, to: a, isOneWay: true } : { from: a, to: b, isOneWay: back }]
    }),
  )
}
