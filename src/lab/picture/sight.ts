/**
 * What is shown of a cluster at one instant. The picture, the matrix and the verdict are drawn from it, wherever it comes
 * from: a simulated world, or the node that serves the page.
 */
import type { WorldView } from '../../simulation/interactive/interactive-world.ts'
import type { NodeView } from '../../simulation/interactive/world-view.ts'
import { type ClusterVerdict, clusterVerdict } from './cluster-verdict.ts'
import { heldWords } from './node-words.ts'

export interface ClusterSight {
  readonly verdict: ClusterVerdict
  readonly nodes: readonly NodeSight[]
  readonly links: readonly LinkSight[]
  /** The chosen key; null if there is none. */
  readonly key: KeySight | null
}

export interface NodeSight {
  readonly id: string
  readonly zone: string | null
  /** `silent`: it does not answer. It may be down, or cut off. */
  readonly state: NodeView['state'] | 'silent'
  readonly clockOffsetMs: number
  readonly hints: Readonly<Record<string, number>>
}

/** One direction between two nodes. */
export interface LinkSight {
  readonly from: string
  readonly to: string
  readonly isOpen: boolean
  /** How no message passes; null if nothing is known of a cut. */
  readonly cut: string | null
}

export interface KeySight {
  readonly key: string
  readonly owners: readonly string[]
  /** By node, a few words for each value that it holds. */
  readonly held: Readonly<Record<string, readonly string[]>>
}

/** What is shown of a simulated world. */
export function sightOf(
  view: Pick<WorldView, 'nodes' | 'links' | 'ownerSets' | 'key'>,
): ClusterSight {
  const { nodes, links, key } = view
  return {
    verdict: clusterVerdict(view),
    nodes,
    links,
    key: key && {
      key: key.key,
      owners: key.owners,
      held: Object.fromEntries(
        Object.entries(key.copies).map(([id, copy]) => [id, heldWords(copy)]),
      ),
    },
  }
}
