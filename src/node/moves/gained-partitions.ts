/**
 * The data partitions that this node gained by a change of the members, and when. They are kept per replica count,
 * because buckets of other replica counts have other owners.
 *
 * Leftovers of an earlier ownership may contain values that others have since deleted and forgotten. So the partition
 * is cleared before anything of it is stored or shown. After that its copies are incomplete at first, so a missing
 * value does not prove a delete. Therefore the horizon counts in the partition only once it has passed the time of the
 * gain: by then this node has taken over everything from every owner.
 *
 * All this follows from comparing the old document with the new one, however many epochs lie between. An old copy of
 * the directory may not know a partition that its node has owned for long.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { isKeeper } from '../../core/placement/preference-list.ts'
import { copyCounts, PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import type { NodeState } from '../identity/node-state.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'

export interface GainedPlace {
  readonly partition: number
  /** The replica count of the buckets that are meant. */
  readonly copies: number
}

interface Gain extends GainedPlace {
  /** The change for which the partition was cleared; UNCLEARED before that. */
  readonly changeId: number
  readonly since: Timestamp
}

const UNCLEARED = -1
const NEVER = Number.MAX_SAFE_INTEGER
const FIELDS = 4

export interface GainedPartitionsParts {
  readonly self: string
  readonly state: NodeState
  readonly keeper: TopologyKeeper
}

export class GainedPartitions {
  readonly #state: NodeState
  readonly #gains = new Map<string, Gain>()

  constructor({ self, state, keeper }: GainedPartitionsParts) {
    this.#state = state
    keeper.adopting.listen((previous, next) => this.#adopt(previous, next, self))
    keeper.storing.listen(() => void this.save().catch(() => undefined))
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

  /** Places that may have leftovers. */
  uncleared(): readonly GainedPlace[] {
    return [...this.#gains.values()].filter(({ changeId }) => changeId === UNCLEARED)
  }

  /** Whether the place contains only what owners have sent. */
  isCleared(place: GainedPlace): boolean {
    return this.#gains.get(nameOf(place))?.changeId !== UNCLEARED
  }

  /** The same, and this node has begun to take it over for that change. */
  isClearedFor(place: GainedPlace, changeId: number): boolean {
    return this.#gains.get(nameOf(place))?.changeId === changeId
  }

  /** The horizon that applies to the partition. */
  horizonOf(partition: number, horizon: Timestamp): Timestamp {
    // Usually there are no gains.
    for (const gain of this.#gains.values()) {
      if (gain.partition === partition && horizon < gain.since) return 0
    }
    return horizon
  }

  /** The places have no leftovers any more. Resolves once that is durable. */
  async cleared(places: readonly GainedPlace[], changeId: number, since: Timestamp): Promise<void> {
    for (const place of places) this.#put({ ...place, changeId, since })
    await this.save()
  }

  /** Forgets the gains that `horizon` has passed, except those of the change `changeId`. */
  async forget(horizon: Timestamp, changeId: number | undefined): Promise<void> {
    const before = this.#gains.size
    for (const [name, gain] of this.#gains) {
      if (gain.changeId !== changeId && horizon >= gain.since) this.#gains.delete(name)
    }
    if (this.#gains.size < before) await this.save()
  }

  /** Resolves once the gains are durable. */
  save(): Promise<void> {
    const numbers = [...this.#gains.values()].flatMap(({ partition, copies, changeId, since }) => [
      partition,
      copies,
      changeId,
      since,
    ])
    return this.#state.set('gained', numbers)
  }

  #adopt(previous: Topology, next: Topology, self: string): void {
    for (const copies of copyCounts(next)) {
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        if (!isKeeper(next, copies, partition, self)) continue
        if (isKeeper(previous, copies, partition, self)) continue
        this.#put({ partition, copies, changeId: UNCLEARED, since: NEVER })
      }
    }
  }

  #put(gain: Gain): void {
    this.#gains.set(nameOf(gain), gain)
  }
}

function nameOf({ partition, copies }: GainedPlace): string {
  return `${partition}/${copies}`
}
