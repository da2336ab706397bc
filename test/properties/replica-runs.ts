/**
 * Random runs of a few replicas that write and merge, so that properties are tested on objects that can come
 * about. Arbitrary vectors would break the invariant that an entry stands for everything before it.
 */
import fc from 'fast-check'
import {
  ABSENT,
  merge,
  type MergeMode,
  type StoredObject,
  write,
} from '../../src/core/causality/stored-object.ts'
import type { Content } from '../../src/core/causality/sibling.ts'
import type { VersionVector } from '../../src/core/causality/version-vector.ts'

export const REPLICAS = 3

export type Step =
  | { readonly type: 'write'; readonly at: number; readonly blind: boolean }
  /** The replica's copy of `from` arrives at `at`. */
  | { readonly type: 'merge'; readonly at: number; readonly from: number }
  /** A client remembers what it read there, for its next write. */
  | { readonly type: 'read'; readonly at: number }

const replica = fc.nat({ max: REPLICAS - 1 })

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('write' as const), at: replica, blind: fc.boolean() }),
    fc.record({ type: fc.constant('merge' as const), at: replica, from: replica }),
    fc.record({ type: fc.constant('read' as const), at: replica }),
  ),
  { maxLength: 30 },
)

/** The replicas' objects after the steps, and every one they had on the way. */
export function run(mode: MergeMode, taken: readonly Step[]): StoredObject[] {
  const copies: StoredObject[] = Array.from({ length: REPLICAS }, () => ABSENT)
  const seen: StoredObject[] = [ABSENT]
  let context: VersionVector | undefined
  taken.forEach((step, i) => {
    const held = copies[step.at] as StoredObject
    if (step.type === 'read') {
      context = held.vector
      return
    }
    const next =
      step.type === 'merge'
        ? merge(mode, held, copies[step.from] as StoredObject)
        : write(
            mode,
            held,
            { actor: `n${step.at}`, timestamp: i + 1 },
            contentOf(`v${i}`),
            step.blind ? undefined : context,
          )
    copies[step.at] = next
    seen.push(next)
  })
  return seen
}

export function contentOf(text: string): Content {
  return {
    value: new TextEncoder().encode(text),
    contentType: 'text/plain',
    tombstone: false,
    expiresAtMs: 0,
  }
}

/** A form that is equal exactly for equal objects. */
export function canonical(object: StoredObject): unknown {
  return {
    vector: object.vector.flat,
    siblings: object.siblings.map(({ actor, timestamp, value }) => [actor, timestamp, [...value]]),
  }
}
