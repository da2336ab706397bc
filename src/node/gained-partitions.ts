/**
 * Data partitions that this node has come to keep by a change of the members, and since when. What it holds of one is
 * not whole at first, so nothing of it may be taken for history because it is not there: its horizon counts there only
 * once it has passed the time of the gain, for by then everything has been taken over from everybody after it.
 */
import type { Timestamp } from '../core/causality/dot.ts'
import type { Encodable } from '../ports/codec.ts'
import type { NodeState } from './node-state.ts'

interface Gain {
  readonly changeId: number
  readonly since: Timestamp
}

export class GainedPartitions {
  readonly #state: NodeState
  readonly #gains = new Map<number, Gain>()

  constructor(state: NodeState) {
    this.#state = state
    const saved = state.get('gained')
    const numbers = Array.isArray(saved) ? (saved as readonly number[]) : []
    for (let i = 0; i + 2 < numbers.length; i += 3) {
      const [partition, changeId, since] = numbers.slice(i, i + 3) as [number, number, number]
      this.#gains.set(partition, { changeId, since })
    }
  }

  /** Whether what an earlier ownership had left has been cleared away for that change. */
  isCleared(partition: number, changeId: number): boolean {
    return this.#gains.get(partition)?.changeId === changeId
  }

  /** `horizon` as it counts for the partition. */
  horizonOf(partition: number, horizon: Timestamp): Timestamp {
    const gain = this.#gains.get(partition)
    return gain !== undefined && horizon < gain.since ? 0 : horizon
  }

  /** Nothing of earlier ownerships is left in them. Resolves once that is durable. */
  async gain(partitions: readonly number[], changeId: number, since: Timestamp): Promise<void> {
    for (const partition of partitions) this.#gains.set(partition, { changeId, since })
    await this.#save()
  }

  /** Forgets gains of other changes than `changeId` that `horizon` has passed. */
  async forget(horizon: Timestamp, changeId: number | undefined): Promise<void> {
    const before = this.#gains.size
    for (const [partition, gain] of this.#gains) {
      if (gain.changeId !== changeId && horizon >= gain.since) this.#gains.delete(partition)
    }
    if (this.#gains.size < before) await this.#save()
  }

  #save(): Promise<void> {
    const numbers: Encodable[] = []
    for (const [partition, { changeId, since }] of this.#gains) {
      numbers.push(partition, changeId, since)
    }
    return this.#state.set('gained', numbers)
  }
}
