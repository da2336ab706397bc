/**
 * Data partitions that this node has come to keep by a change of the members, and since when; for each number of
 * copies by itself, for buckets of other numbers have other owners.
 *
 * What an earlier ownership has left of one may be older than what others have deleted since, and forgotten: it is
 * cleared away before anything of the partition is stored or told. What is there after that is not whole at first, so
 * nothing may be taken for history because it is not there: the horizon counts in the partition only once it has passed
 * the time of the gain, for by then everything has been taken over from everybody after it.
 *
 * All this follows from the document before and the one after, whatever lies between: a directory that is an old copy
 * of itself may know nothing of a partition that its node has owned for long.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { isKeeper } from '../../core/placement/preference-list.ts'
import { PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import type { NodeState } from '../identity/node-state.ts'

export interface GainedPlace {
  readonly partition: number
  /** Of the keys of buckets with so many copies. */
  readonly copies: number
}

interface Gain extends GainedPlace {
  /** The change for which it has been cleared; UNCLEARED before it is. */
  readonly changeId: number
  readonly since: Timestamp
}

const UNCLEARED = -1
const NEVER = Number.MAX_SAFE_INTEGER
const FIELDS = 4

export class GainedPartitions {
  readonly #state: NodeState
  readonly #gains = new Map<string, Gain>()

  constructor(state: NodeState) {
    this.#state = state
    const saved = state.get('gained')
    const numbers = Array.isArray(saved) ? (saved as readonly number[]) : []
    for (let i = 0; i + FIELDS <= numbers.length; i += FIELDS) {
      const [partition, copies, changeId, since] = numbers.slice(i, i + FIELDS) as [
        number,
        number,
        number,
        number,
      ]
      this.#put({ partition, copies, changeId, since })
    }
  }

  /** This node takes `next` for the topology; to be stored before it is. */
  adopt(previous: Topology, next: Topology, self: string): void {
    for (const copies of new Set(next.buckets.map(({ n }) => n))) {
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        if (!isKeeper(next, copies, partition, self)) continue
        if (isKeeper(previous, copies, partition, self)) continue
        this.#put({ partition, copies, changeId: UNCLEARED, since: NEVER })
      }
    }
  }

  /** Of which leftovers may be there. */
  uncleared(): readonly GainedPlace[] {
    return [...this.#gains.values()].filter(({ changeId }) => changeId === UNCLEARED)
  }

  /** Nothing but what owners have sent is there. */
  isCleared(place: GainedPlace): boolean {
    return this.#gains.get(nameOf(place))?.changeId !== UNCLEARED
  }

  /** The same, and this node has begun to take it over for that change. */
  isClearedFor(place: GainedPlace, changeId: number): boolean {
    return this.#gains.get(nameOf(place))?.changeId === changeId
  }

  /** `horizon` as it counts for the partition. */
  horizonOf(partition: number, horizon: Timestamp): Timestamp {
    // Mostly there is none.
    for (const gain of this.#gains.values()) {
      if (gain.partition === partition && horizon < gain.since) return 0
    }
    return horizon
  }

  /** Nothing of earlier ownerships is left of them. Resolves once that is durable. */
  async cleared(places: readonly GainedPlace[], changeId: number, since: Timestamp): Promise<void> {
    for (const place of places) this.#put({ ...place, changeId, since })
    await this.save()
  }

  /** Forgets gains of other changes than `changeId` that `horizon` has passed. */
  async forget(horizon: Timestamp, changeId: number | undefined): Promise<void> {
    const before = this.#gains.size
    for (const [name, gain] of this.#gains) {
      if (gain.changeId !== changeId && horizon >= gain.since) this.#gains.delete(name)
    }
    if (this.#gains.size < before) await this.save()
  }

  /** Resolves once it is durable. */
  save(): Promise<void> {
    const numbers = [...this.#gains.values()].flatMap(({ partition, copies, changeId, since }) => [
      partition,
      copies,
      changeId,
      since,
    ])
    return this.#state.set('gained', numbers)
  }

  #put(gain: Gain): void {
    this.#gains.set(nameOf(gain), gain)
  }
}

function nameOf({ partition, copies }: GainedPlace): string {
  return `${partition}/${copies}`
}
