/**
 * This node's part in a change of the members after its copies have moved. For each data partition that it has lost, it
 * waits until a majority of the new owners, or all that are not lost members, have taken over its copies once more.
 * This is needed because an unacknowledged write may exist only here, and a client may have read it. Then it reports
 * that it is done, and drops the copies (sweep.ts).
 */
import { reportDone, waitingFor } from '../../core/placement/change-steps.ts'
import { isLostMember } from '../../core/placement/lost-members.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import { PARTITION_COUNT, type Topology } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Log } from '../../ports/log.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Peers } from '../peers/peers.ts'
import type { NodeMove } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { TOOK_OVER } from '../wire/asks/move-asks.ts'

const RETRY_INTERVAL_MS = 500

export interface ReleaseParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  /** Proposes the next topology document. */
  readonly propose: (step: (current: Topology) => Topology | undefined) => Promise<unknown>
}

export class Release {
  readonly #timers: Timers
  readonly #log: Log
  readonly #parts: ReleaseParts
  /** Peers that have taken over this node's copies under the placement `#placementVersion`. */
  readonly #tookOver = new Set<string>()
  #placementVersion = 0
  #isReporting = false
  #isStopped = false

  constructor(ports: { timers: Timers; log: Log }, parts: ReleaseParts) {
    this.#timers = ports.timers
    this.#log = ports.log
    this.#parts = parts
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Tells `peer` that this node has taken over everything it held. A peer that releases copies waits for that. */
  tell(peer: string): void {
    const { keeper, peers } = this.#parts
    const { change } = keeper.topology
    if (change?.phase === 'releasing')
      peers.tell(peer, TOOK_OVER, { placementVersion: keeper.placementVersion })
  }

  /** A peer says that it has taken over everything this node held. */
  heard(peer: string, placementVersion: number): void {
    this.look()
    if (placementVersion !== this.#placementVersion) return
    this.#tookOver.add(peer)
    this.look()
  }

  /** Call after the network has started, after each change of the topology, and after a peer has taken over. */
  look(): void {
    const { keeper } = this.#parts
    if (this.#placementVersion !== keeper.placementVersion) {
      this.#placementVersion = keeper.placementVersion
      this.#tookOver.clear()
    }
    if (this.#isAwaited() && this.#isTakenOver() && !this.#isReporting) void this.#report()
  }

  progress(): NodeMove | undefined {
    const { self, keeper } = this.#parts
    const { change } = keeper.topology
    if (change?.phase !== 'releasing') return undefined
    const lost = this.#lost()
    if (lost.length === 0) return undefined
    const open = lost.filter((owners) => !this.#isEnough(owners))
    const waits = new Set(open.flat().filter((owner) => !this.#tookOver.has(owner)))
    const isDone = change.done.includes(self)
    return {
      node: self,
      state: isDone ? 'done' : 'releasing',
      partitions: lost.length,
      partitionsDone: isDone ? lost.length : lost.length - open.length,
      keys: 0,
      bytes: 0,
      secondsLeft: null,
      waitsFor: isDone ? '' : [...waits].join(', '),
    }
  }

  #isAwaited(): boolean {
    const { self, keeper } = this.#parts
    const { change } = keeper.topology
    return change?.phase === 'releasing' && waitingFor(keeper.topology).includes(self)
  }

  #isTakenOver(): boolean {
    return this.#lost().every((owners) => this.#isEnough(owners))
  }

  #isEnough(owners: readonly string[]): boolean {
    const { topology } = this.#parts.keeper
    const left = owners.filter((owner) => !isLostMember(topology, owner))
    const count = left.filter((owner) => this.#tookOver.has(owner)).length
    return count >= Math.min(majority(owners.length), left.length)
  }

  /** The new owners of each data partition that this node has lost, for each replica count. */
  #lost(): (readonly string[])[] {
    const { self, keeper } = this.#parts
    const { topology } = keeper
    const { change, members, buckets } = topology
    const own = members.findIndex(({ id }) => id === self)
    const lost: (readonly string[])[] = []
    for (const n of new Set(buckets.map((bucket) => bucket.n))) {
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        const { owners } = placementAt(topology, n, partition)
        const before = change?.other[partition]?.slice(0, n)
        if (before?.includes(own) === true && !owners.includes(self)) lost.push(owners)
      }
    }
    return lost
  }

  async #report(): Promise<void> {
    const { self, keeper, propose } = this.#parts
    const changeId = keeper.topology.change?.id ?? 0
    this.#isReporting = true
    this.#log.info({}, 'the new owners have taken over all copies that this node gives up')
    while (!this.#isStopped && this.#isAwaited() && keeper.topology.change?.id === changeId) {
      await propose((current) => reportDone(current, changeId, 'releasing', self)).catch(
        (error: unknown) => {
          this.#log.info(
            { error: String(error) },
            'reporting the copies as given up failed and will be tried again',
          )
        },
      )
      if (!this.#isAwaited()) break
      await new Promise<void>((resolve) => void this.#timers.after(RETRY_INTERVAL_MS, resolve))
    }
    this.#isReporting = false
  }
}
