/** Answers peers that compare their copies with this node's. */
import { comparedPartitions } from '../../core/placement/compared-partitions.ts'
import type { MemberVersions } from '../../core/membership/member-versions.ts'
import { DiskError } from '../../ports/disk.ts'
import type { HashForest } from './hash-forest.ts'
import type { HorizonKeeper } from './horizon-keeper.ts'
import type { IndexRepair } from '../storage/index-repair.ts'
import type { LeafContents, LeafListing } from './leaf-listing.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import type {
  LeavesAnswer,
  LeavesRequest,
  SyncAnswer,
  SyncRequest,
  TreeAnswer,
  TreePlace,
  TreeRequest,
} from '../wire/asks/repair-asks.ts'

export interface TreeAnswerParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly forest: HashForest
  readonly leaves: LeafListing
  readonly indexes: IndexRepair
  readonly horizon: HorizonKeeper
  readonly versions: MemberVersions
}

export class TreeAnswers {
  readonly #parts: TreeAnswerParts

  constructor(parts: TreeAnswerParts) {
    this.#parts = parts
  }

  handlers(): HandlersOf<'sync' | 'tree' | 'leaves'> {
    return {
      sync: (request, asker) => this.#sync(request, asker),
      tree: (request, asker) => this.#tree(request, asker),
      leaves: (request, asker) => this.#leaves(request, asker),
    }
  }

  #sync({ floors, copyCounts, versions: told }: SyncRequest, asker: Asker<SyncAnswer>): void {
    const { forest, horizon, versions } = this.#parts
    horizon.learn(floors)
    if (told !== undefined) versions.learn(asker.node, told)
    if (!this.#isReady(asker)) return
    const hashes = copyCounts.map((copies) =>
      forest.summary(copies, this.#compared(copies, asker.node)),
    )
    asker.answer({ floors: horizon.floors(), hashes, versions: versions.entries() })
  }

  #tree({ copies, level, places }: TreeRequest, asker: Asker<TreeAnswer>): void {
    const { forest } = this.#parts
    if (!this.#isReady(asker)) return
    const hashes = places.map(({ partition, index }) =>
      forest.node(copies, partition, level, index),
    )
    asker.answer({ hashes })
  }

  #leaves({ copies, places }: LeavesRequest, asker: Asker<LeavesAnswer>): void {
    const { horizon } = this.#parts
    if (!this.#isReady(asker)) return
    this.#contents(copies, places).then(
      (contents) => asker.answer({ ...contents, horizon: horizon.value }),
      (error: unknown) => asker.refuse({ code: 'storage_failed', message: String(error) }),
    )
  }

  /** Refuses the ask if the trees cannot be compared yet. */
  #isReady(asker: Asker<never>): boolean {
    const { keeper, forest } = this.#parts
    // The asker relies on finding every write of an earlier topology in the trees, so the new topology must be durable.
    if (!keeper.isDurable()) {
      asker.refuse({ code: 'not_ready', message: 'a new topology is being stored' })
      return false
    }
    if (!forest.isBuilt) {
      asker.refuse({ code: 'not_ready', message: 'the hash trees are being built' })
      return false
    }
    return true
  }

  /**
   * Rejects if the index of copies is damaged. The asker treats the answer as complete, and would take a key that the
   * damage hides for a deleted one.
   */
  async #contents(copies: number, places: readonly TreePlace[]): Promise<LeafContents> {
    const { leaves, indexes } = this.#parts
    const contents = await indexes.whole(() => leaves.list(copies, places))
    if (contents !== undefined) return contents
    throw new DiskError('disk_failed', 'none', 'the index of copies is damaged')
  }

  #compared(copies: number, asker: string): readonly number[] {
    return comparedPartitions(this.#parts.keeper.topology, copies, asker, this.#parts.self)
  }
}
