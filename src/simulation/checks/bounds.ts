/** Checks bounds that must hold at any time. */
import type { SimulatedNode } from '../world/simulated-node.ts'
import { HINT_COST_BYTES } from '../../node/hints/hint-store.ts'
import { ALL_HINTS, parseHintKey } from '../../node/storage/storage-keys.ts'
import { Violation } from './violation.ts'

/** `hintBytesPerOwnerMax` is the setting of the nodes. */
export function findUnbounded(
  nodes: Iterable<SimulatedNode>,
  hintBytesPerOwnerMax: number,
): Violation | undefined {
  for (const { id, platter } of nodes) {
    const bytes = new Map<string, number>()
    // Read only the range of the hints: this check runs each second, and hints are few among all keys.
    for (const [key] of platter.range(...ALL_HINTS, Infinity)) {
      const hint = parseHintKey(key)
      if (hint === undefined) continue
      const cost = HINT_COST_BYTES + (platter.get(key)?.length ?? 0)
      bytes.set(hint.owner, (bytes.get(hint.owner) ?? 0) + cost)
    }
    for (const [owner, kept] of bytes) {
      if (kept <= hintBytesPerOwnerMax) continue
      return new Violation(
        'unbounded',
        `${id} keeps ${kept} bytes of hints for ${owner}; at most ${hintBytesPerOwnerMax} are allowed`,
      )
    }
  }
  return undefined
}
