/** Answers peers that compare their copies with this node's. */
import { comparedPartitions } from '../../core/placement/compared-partitions.ts'
import type { MemberVersions } from '../../core/membership/member-versions.ts'
import type { Encodable } from '../../ports/codec.ts'
import { DiskError } from '../../ports/disk.ts'
import type { HashForest } from './hash-forest.ts'
import { encodeHashes } from '../wire/hash-list.ts'
import type { HorizonKeeper } from './horizon-keeper.ts'
import type { IndexRepair } from '../storage/index-repair.ts'
import type { LeafContents, LeafListing, LeafPlace } from './leaf-listing.ts'
import type { AskKind } from '../wire/messages.ts'
import type { AnswerWith } from '../peers/peers.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { decodeVersions, encodeVersions } from '../wire/wire-version.ts'

/** Bound of one question, in numbers: two for each place. */
const PLACES_MAX = 2048

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

  /** Throws on garbage. */
  handle(
    from: string,
    kind: Extract<AskKind, 'sync' | 'tree' | 'leaves'>,
    body: readonly Encodable[],
    answer: AnswerWith,
  ): void {
    const { forest, horizon, versions } = this.#parts
    if (kind === 'sync') {
      horizon.learn(body[0])
      // Version 2 sends none.
      if (body[2] !== undefined) versions.learn(from, decodeVersions(body[2]))
    }
    // The asker relies on finding every write of an earlier topology in the trees, so the new topology must be durable.
    if (!this.#parts.keeper.isDurable()) {
      answer('not_ready', 'a new topology is being stored')
      return
    }
    if (!forest.isBuilt) {
      answer('not_ready', 'the hash trees are being built')
      return
    }
    switch (kind) {
      case 'sync': {
        const groups = numbersIn(body[1])
        const hashes = groups.map((copies) => forest.summary(copies, this.#compared(copies, from)))
        answer('ok', horizon.encode(), encodeHashes(hashes), encodeVersions(versions.entries()))
        return
      }
      case 'tree': {
        const [copies, level] = [Number(body[0]), Number(body[1])]
        const hashes = placesIn(body[2]).map(({ partition, index }) =>
          forest.node(copies, partition, level, index),
        )
        answer('ok', encodeHashes(hashes))
        return
      }
      case 'leaves':
        this.#leaves(Number(body[0]), placesIn(body[1])).then(
          ({ copies, dying }) =>
            answer(
              'ok',
              [...copies.keys()],
              encodeHashes([...copies.values()]),
              [...dying].flat(),
              horizon.value,
            ),
          (error: unknown) => answer('storage_failed', String(error)),
        )
        return
      default:
        kind satisfies never
    }
  }

  /**
   * Rejects if the index of copies is damaged. The asker treats the answer as complete, and would take a key that the
   * damage hides for a deleted one.
   */
  async #leaves(copies: number, places: readonly LeafPlace[]): Promise<LeafContents> {
    const { leaves, indexes } = this.#parts
    const contents = await indexes.whole(() => leaves.list(copies, places))
    if (contents !== undefined) return contents
    throw new DiskError('disk_failed', 'none', 'the index of copies is damaged')
  }

  #compared(copies: number, asker: string): readonly number[] {
    return comparedPartitions(this.#parts.keeper.topology, copies, asker, this.#parts.self)
  }
}

function placesIn(data: Encodable | undefined): LeafPlace[] {
  const numbers = numbersIn(data)
  if (numbers.length % 2 !== 0) throw new Error('not a list of places')
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    partition: numbers[2 * i] as number,
    index: numbers[2 * i + 1] as number,
  }))
}

function numbersIn(data: Encodable | undefined): number[] {
  if (!Array.isArray(data) || data.length > PLACES_MAX) throw new Error('not a list of numbers')
  for (const item of data as unknown[]) {
    if (!Number.isSafeInteger(item) || (item as number) < 0) throw new Error('not a number')
  }
  return data as unknown as number[]
}
