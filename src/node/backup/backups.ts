/**
 * This room makes backups (README.md). It takes snapshots of all disks at one consistent cut (cut-maker.ts,
 * held-cuts.ts), and then reads every key from them (cut-reader.ts). It relies on `identity` for the moment at which a
 * clock passes the cut, on `round` to hold back answers meanwhile, and on `peers` to reach the other members.
 *
 * Invariant: a stream of entries that ends has every live key of the cut; a stream that misses one rejects.
 */
import type { BackupEntry, BackupHeader } from '../../core/backup/backup-parts.ts'
import { liveSiblings } from '../../core/causality/stored-object.ts'
import { wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { QuorateError } from '../../core/errors.ts'
import { asLabelled, labelOf } from '../../core/placement/bucket-name.ts'
import type { Bucket, Topology } from '../../core/placement/topology.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { HorizonKeeper } from '../repair/horizon-keeper.ts'
import type { BackupRequest, BackupStream } from '../service/backup.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { reachCut } from './backup-cut.ts'
import { backupEntry } from './backup-entry.ts'
import { type Cut, CutMaker } from './cut-maker.ts'
import { CutMembers } from './cut-members.ts'
import { statesAtCut } from './cut-reader.ts'
import type { HeldCuts } from './held-cuts.ts'

/** A message keeps the snapshots this often, because a slow reader may ask for no page for a while. */
const KEEP_INTERVAL_MS = 10_000

export interface BackupParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly horizon: HorizonKeeper
  readonly held: HeldCuts
}

export class Backups {
  readonly #ports: { readonly clock: Clock; readonly codec: Codec; readonly timers: Timers }
  readonly #parts: BackupParts
  readonly #members: CutMembers
  /** For each backup that this node makes, the timer that keeps its snapshots. */
  readonly #keeping = new Set<Timer>()
  #isStopped = false

  constructor(ports: { clock: Clock; codec: Codec; timers: Timers }, parts: BackupParts) {
    this.#ports = ports
    this.#parts = parts
    this.#members = new CutMembers(ports.timers, parts)
  }

  stop(): void {
    this.#isStopped = true
    for (const keeping of this.#keeping) keeping.cancel()
  }

  /** Resolves once the snapshots are taken. Rejects as `reachCut` does, and with bucket_unknown. */
  async start(request: BackupRequest): Promise<BackupStream> {
    const { buckets, covers, atMs, timeoutMs } = request
    const { self, keeper, clock, horizon } = this.#parts
    const isGivenUp = (): boolean => this.#isStopped || request.isGivenUp()
    const maker = new CutMaker({ ...this.#parts, members: this.#members })
    const { cut, covered, coveredMs } = await reachCut(
      this.#ports,
      { self, clock, horizon, maker },
      { covers, atMs, timeoutMs, isGivenUp },
    )
    // Every source has answered under a topology that this node knows by now. So this node knows every bucket that had
    // a write before the cut.
    const { topology } = keeper
    const chosen = bucketsAt(cut.topology, topology).filter(
      ({ name }) => buckets === undefined || buckets.includes(labelOf(name)),
    )
    const gone = buckets?.find((label) => chosen.every(({ name }) => labelOf(name) !== label))
    if (gone !== undefined) {
      maker.end(cut)
      throw new QuorateError('bucket_unknown', `the bucket ${gone} was deleted`)
    }
    const header: BackupHeader = {
      clusterId: topology.identity ?? topology.clusterId,
      node: self,
      covers,
      cut: covered,
      cutMs: coveredMs,
      buckets: chosen.map(asLabelled),
    }
    const keeping = this.#ports.timers.every(KEEP_INTERVAL_MS, () => maker.keep(cut))
    this.#keeping.add(keeping)
    const close = (): void => {
      if (!this.#keeping.delete(keeping)) return
      keeping.cancel()
      maker.end(cut)
    }
    return { header, entries: this.#entries(header, cut, chosen), close }
  }

  /** `buckets`: those of the header, with their names instead of their labels. */
  async *#entries(
    header: BackupHeader,
    cut: Cut,
    buckets: readonly Bucket[],
  ): AsyncGenerator<BackupEntry, void, undefined> {
    const parts = { members: this.#members, isGivenUp: () => this.#isStopped }
    const needsAll = header.covers === 'all'
    for (const [index, bucket] of buckets.entries()) {
      const states = statesAtCut(this.#ports, parts, cut, bucket, needsAll)
      for await (const { key, object } of states) {
        const siblings = liveSiblings(object, wallMsOf(cut.at))
        const place = { bucket: index, mode: bucket.mode, key }
        const entry = backupEntry(place, { siblings, object }, header.cut)
        if (entry !== undefined) yield entry
      }
    }
  }
}

/** The buckets at the cut, and those created since. If both have the same label, only the bucket at the cut. */
function bucketsAt(cut: Topology, now: Topology): readonly Bucket[] {
  const labels = new Set(cut.buckets.map(({ name }) => labelOf(name)))
  return [...cut.buckets, ...now.buckets.filter(({ name }) => !labels.has(labelOf(name)))]
}
