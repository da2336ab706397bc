/** What must not grow beyond its bound, at any time. */
import type { SimulatedNode } from './simulated-node.ts'
import { parseHintKey } from '../node/storage-keys.ts'
import { Violation } from './violation.ts'

/** `hintBytesPerOwnerMax` as the nodes have it. */
export function findUnbounded(
  nodes: Iterable<SimulatedNode>,
  hintBytesPerOwnerMax: number,
): Violation | undefined {
  for (const { id, platter } of nodes) {
    const bytes = new Map<string, number>()
    for (const key of platter.keys()) {
      const hint = parseHintKey(key)
      if (hint === undefined) continue
      bytes.set(hint.owner, (bytes.get(hint.owner) ?? 0) + (platter.get(key)?.length ?? 0))
    }
    for (const [owner, kept] of bytes) {
      if (kept <= hintBytesPerOwnerMax) continue
      return new Violation('unbounded', `${id} keeps ${kept} bytes of hints for ${owner}`)
    }
  }
  return undefined
}
