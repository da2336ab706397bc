/**
 * The verdict on a cluster in words: which nodes work, which links are cut, where a quorum is in reach, and how many
 * more failures are survived.
 */
import { majority } from '../../core/quorum/level.ts'
import type { WorldView } from '../../simulation/interactive/interactive-world.ts'
import type { NodeView } from '../../simulation/interactive/world-view.ts'
import { groupsOf } from './cut-groups.ts'

/** What the verdict is computed from. */
export type Health = Pick<WorldView, 'nodes' | 'links' | 'ownerSets'>

export interface ClusterVerdict {
  /** `limited`: every key has a quorum, but not at every node, or no further failure is survived. */
  readonly grade: 'good' | 'limited' | 'lost'
  /** One to three words. */
  readonly title: string
  readonly sentences: readonly string[]
  /** How many more nodes may fail, whichever they are, until some key has no quorum. Negative: it has none now. */
  readonly spare: number
}

const STATE_WORDS: Readonly<Record<Exclude<NodeView['state'], 'up' | 'gone'>, string>> = {
  starting: 'starting',
  paused: 'paused',
  stopped: 'down',
}

export function clusterVerdict(health: Health): ClusterVerdict {
  const { ownerSets } = health
  const working = health.nodes.filter(({ state }) => state === 'up').map(({ id }) => id)
  const nodes = [nodesSentence(health.nodes), ...cutSentences(health)]
  if (ownerSets.length === 0 || working.length === 0) {
    const title = health.nodes.some(({ state }) => state === 'starting') ? 'Starting' : 'Down'
    return { grade: 'lost', title, sentences: [...nodes, 'No node answers requests.'], spare: -1 }
  }
  const spares = new Map(working.map((id) => [id, spareAt(id, health)]))
  const spare = Math.min(
    ...ownerSets.map(({ owners }) => Math.max(...working.map((id) => spareOf(id, owners, health)))),
  )
  const served = working.filter((id) => (spares.get(id) as number) >= 0)
  const sentences = [...nodes, quorumSentence(health, working, served, spare), spareSentence(spare)]
  if (spare < 0) return { grade: 'lost', title: 'Quorum lost', sentences, spare }
  const isGood = spare > 0 && served.length === health.nodes.filter(isMember).length
  return {
    grade: isGood ? 'good' : 'limited',
    title: isGood ? 'Healthy' : 'Degraded',
    sentences,
    spare,
  }
}

function isMember({ state }: NodeView): boolean {
  return state !== 'gone'
}

/** How many failures every key survives, if that node coordinates the requests. */
function spareAt(coordinator: string, health: Health): number {
  return Math.min(...health.ownerSets.map(({ owners }) => spareOf(coordinator, owners, health)))
}

function spareOf(coordinator: string, owners: readonly string[], { nodes, links }: Health): number {
  const reached = owners.filter((owner) => {
    if (nodes.find(({ id }) => id === owner)?.state !== 'up') return false
    return !links.some(
      ({ from, to, cut }) =>
        cut !== null &&
        ((from === coordinator && to === owner) || (from === owner && to === coordinator)),
    )
  })
  return reached.length - majority(owners.length)
}

function nodesSentence(nodes: readonly NodeView[]): string {
  const members = nodes.filter(isMember)
  const up = members.filter(({ state }) => state === 'up')
  if (up.length === members.length) return `All ${members.length} nodes are up.`
  const others = members.flatMap(({ id, state }) =>
    state === 'up' || state === 'gone' ? [] : [`${id} is ${STATE_WORDS[state]}`],
  )
  return `${up.length} of ${members.length} nodes are up; ${listWords(others)}.`
}

function cutSentences({ nodes, links }: Health): readonly string[] {
  const cuts = links.filter(({ cut }) => cut !== null)
  if (cuts.length === 0) return []
  const groups = groupsOf(nodes.filter(isMember), links)
  if (groups.length > 1) {
    return [`A partition separates ${groups.map((group) => listWords(group)).join(' from ')}.`]
  }
  const count =
    cuts.length === 1 ? 'One direction of a link is' : `${cuts.length} directions of links are`
  return [`${count} cut.`]
}

function quorumSentence(
  { ownerSets }: Health,
  working: readonly string[],
  served: readonly string[],
  spare: number,
): string {
  if (spare < 0) {
    const keys = ownerSets.length === 1 ? 'No key has a' : 'Some keys have no'
    return `${keys} quorum at any node: their quorum requests fail, and eventual requests still succeed.`
  }
  if (served.length === working.length) return 'Every working node reaches a quorum of every key.'
  if (served.length === 0) {
    return 'Every key has a quorum at some node, but no node reaches a quorum of every key.'
  }
  return `Only ${listWords(served)} ${served.length === 1 ? 'reaches' : 'reach'} a quorum of every key.`
}

function spareSentence(spare: number): string {
  if (spare < 0) return 'Start a node or heal a cut to get the quorum back.'
  if (spare === 0) return 'One more failure can take the quorum from some keys.'
  return spare === 1 ? 'Any one more node may fail.' : `Any ${spare} more nodes may fail.`
}

/** For example "n1, n2 and n3". */
export function listWords(words: readonly string[]): string {
  if (words.length <= 1) return words.join('')
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
