/**
 * What chaos writes for a node that cuts its own peer links (src/adapters/chaos/link-faults.ts): which links lose which
 * part of their messages, and until when. Pure.
 */
import { lossPercent, type NetworkFault, turnMs } from './chaos-fault.ts'

/** The file in the data directory that a node watches. */
export const LINK_FAULTS_FILE = 'links.json'

export interface LinkFault {
  readonly id: string
  readonly peer: string
  /** `out`: the link that this node opens to the peer; `in`: the one that the peer opens to this node. */
  readonly direction: 'out' | 'in'
  readonly lossPercent: number
  readonly untilMs: number
  readonly turnMs: number | undefined
}

/** The faults for the file of one of the nodes. Both ends of a link cut it. Without a fault there are none. */
export function linkFaults(
  fault: NetworkFault | undefined,
  node: string,
  nodes: readonly string[],
  untilMs: number,
): readonly LinkFault[] {
  if (fault === undefined) return []
  return nodes
    .filter((id) => id !== node)
    .flatMap((peer): LinkFault[] => [
      {
        id: 'chaos',
        peer,
        direction: 'out',
        lossPercent: lossPercent(fault, node, peer),
        turnMs: turnMs(fault, node, peer),
        untilMs,
      },
      {
        id: 'chaos',
        peer,
        direction: 'in',
        lossPercent: lossPercent(fault, peer, node),
        turnMs: turnMs(fault, peer, node),
        untilMs,
      },
    ])
    .filter(({ lossPercent: percent }) => percent > 0)
}

export function linkFaultsText(faults: readonly LinkFault[]): string {
  return JSON.stringify({ faults })
}
