/**
 * Whether all owners hold the same, told by their hash trees: the node that is asked compares the roots of
 * every data partition at all its owners, descends where they differ, and counts the keys.
 */
import { PARTITION_COUNT } from '../core/placement/topology.ts'
import { equalHashes, TREE_DEPTH, TREE_FANOUT, type TreeHash } from '../core/repair/hash-tree.ts'
import type { Encodable } from '../ports/codec.ts'
import type { HashForest } from './hash-forest.ts'
import { decodeHashes } from './hash-list.ts'
import type { LeafListing, LeafPlace } from './leaf-listing.ts'
import type { AskKind } from './messages.ts'
import type { NodeClock } from './node-clock.ts'
import type { Peers } from './peers.ts'
import type { ConvergenceAnswer } from './service.ts'
import type { TopologyKeeper } from './topology-keeper.ts'

const ASK_TIMEOUT_MS = 3000
const NODES_PER_ASK = 512
/** Differing leaves whose keys are counted; beyond them the count is a least one. */
const LEAVES_MAX = 4096
const LEAVES_PER_ASK = 128

export interface ConvergenceCheckParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly forest: HashForest
  readonly leaves: LeafListing
}

/** What each owner says of the places that it was asked for, in that order. */
type Answers<T> = ReadonlyMap<string, readonly T[]>

export class ConvergenceCheck {
  readonly #parts: ConvergenceCheckParts
  readonly #unreachable = new Set<string>()

  /** For one check. */
  constructor(parts: ConvergenceCheckParts) {
    this.#parts = parts
  }

  /** `bucket`: count its keys only. */
  async run(bucket: string | undefined): Promise<ConvergenceAnswer> {
    const { buckets } = this.#parts.keeper.topology
    const wanted = buckets.filter(({ name }) => bucket === undefined || name === bucket)
    let differing = 0
    let isExact = true
    let leaves = 0
    for (const copies of new Set(wanted.map(({ n }) => n))) {
      const found = await this.#compare(copies, bucket)
      differing += found.keys
      isExact &&= found.isExact
      leaves += found.leaves
    }
    const unreachable = [...this.#unreachable].sort()
    // Leaves have keys of other buckets, too; and trees that differ over equal copies are not whole.
    const isSame = bucket === undefined ? leaves === 0 : differing === 0
    return { converged: isSame && unreachable.length === 0, differing, isExact, unreachable }
  }

  async #compare(
    copies: number,
    bucket: string | undefined,
  ): Promise<{ keys: number; leaves: number; isExact: boolean }> {
    let places: LeafPlace[] = Array.from({ length: PARTITION_COUNT }, (_, partition) => ({
      partition,
      index: 0,
    }))
    for (let level = 0; level <= TREE_DEPTH && places.length > 0; level++) {
      if (level > 0) {
        places = places.flatMap(({ partition, index }) =>
          Array.from({ length: TREE_FANOUT }, (_, i) => ({
            partition,
            index: index * TREE_FANOUT + i,
          })),
        )
      }
      places = await this.#differing(copies, level, places)
    }
    const counted = places.slice(0, LEAVES_MAX)
    let keys = 0
    for (let i = 0; i < counted.length; i += LEAVES_PER_ASK) {
      keys += await this.#countKeys(copies, counted.slice(i, i + LEAVES_PER_ASK), bucket)
    }
    return { keys, leaves: places.length, isExact: counted.length === places.length }
  }

  /** Places that not all their owners have the same hash of. */
  async #differing(
    copies: number,
    level: number,
    places: readonly LeafPlace[],
  ): Promise<LeafPlace[]> {
    const differing: LeafPlace[] = []
    for (let i = 0; i < places.length; i += NODES_PER_ASK) {
      const asked = places.slice(i, i + NODES_PER_ASK)
      const answers: Answers<TreeHash> = await this.#askOwners(copies, asked, (node, own) =>
        this.#hashesAt(node, copies, level, own),
      )
      const seen = this.#collect(copies, asked, answers)
      asked.forEach((place, at) => {
        const hashes = seen[at] as TreeHash[]
        if (hashes.some((hash) => !equalHashes(hash, hashes[0] as TreeHash))) differing.push(place)
      })
    }
    return differing
  }

  async #countKeys(
    copies: number,
    places: readonly LeafPlace[],
    bucket: string | undefined,
  ): Promise<number> {
    /** `bucket/key` → who holds what of it. */
    const held = new Map<string, Map<string, TreeHash>>()
    const answered = new Map<string, Set<LeafPlace>>()
    for (const [node, own] of this.#byOwner(copies, places)) {
      const keys = await this.#keysAt(node, copies, own)
      if (keys === undefined) continue
      answered.set(node, new Set(own))
      for (const [name, hash] of keys) {
        const holders = held.get(name) ?? new Map<string, TreeHash>()
        held.set(name, holders.set(node, hash))
      }
    }
    let differing = 0
    for (const [name, holders] of held) {
      const bucketName = name.slice(0, name.indexOf('/'))
      if (bucket !== undefined && bucketName !== bucket) continue
      const known = this.#parts.keeper.bucket(bucketName)
      if (known === undefined) continue
      const { owners } = this.#parts.keeper.place(known, name.slice(bucketName.length + 1))
      const asked = owners.filter((owner) => answered.has(owner))
      const [first] = holders.values()
      const isSame = asked.every((owner) => {
        const hash = holders.get(owner)
        return hash !== undefined && equalHashes(hash, first as TreeHash)
      })
      if (!isSame) differing++
    }
    return differing
  }

  /** The hashes of each place, of the owners that answered. */
  #collect<T>(copies: number, places: readonly LeafPlace[], answers: Answers<T>): T[][] {
    const found = places.map((): T[] => [])
    const byPlace = new Map(places.map((place, i) => [place, i]))
    for (const [node, own] of this.#byOwner(copies, places)) {
      answers.get(node)?.forEach((answer, i) => {
        found[byPlace.get(own[i] as LeafPlace) as number]?.push(answer)
      })
    }
    return found
  }

  #byOwner(copies: number, places: readonly LeafPlace[]): Map<string, LeafPlace[]> {
    const { members, preference } = this.#parts.keeper.topology
    const byOwner = new Map<string, LeafPlace[]>()
    for (const place of places) {
      for (const index of (preference[place.partition] as readonly number[]).slice(0, copies)) {
        const owner = members[index]?.id ?? ''
        const own = byOwner.get(owner) ?? []
        byOwner.set(owner, own)
        own.push(place)
      }
    }
    return byOwner
  }

  async #askOwners<T>(
    copies: number,
    places: readonly LeafPlace[],
    ask: (node: string, own: readonly LeafPlace[]) => Promise<readonly T[] | undefined>,
  ): Promise<Answers<T>> {
    const answers = new Map<string, readonly T[]>()
    const one = async ([node, own]: [string, LeafPlace[]]): Promise<void> => {
      const answer = await ask(node, own)
      if (answer !== undefined) answers.set(node, answer)
    }
    await Promise.all([...this.#byOwner(copies, places)].map(one))
    return answers
  }

  async #hashesAt(
    node: string,
    copies: number,
    level: number,
    places: readonly LeafPlace[],
  ): Promise<readonly TreeHash[] | undefined> {
    const { self, forest } = this.#parts
    if (node === self) {
      if (!forest.isBuilt) return this.#lose(node)
      return places.map(({ partition, index }) => forest.node(copies, partition, level, index))
    }
    const body = await this.#ask(node, 'tree', [copies, level, flat(places)])
    return body && decodeHashes(body[0])
  }

  async #keysAt(
    node: string,
    copies: number,
    places: readonly LeafPlace[],
  ): Promise<ReadonlyMap<string, TreeHash> | undefined> {
    if (node === this.#parts.self) return (await this.#parts.leaves.list(copies, places)).copies
    const body = await this.#ask(node, 'leaves', [copies, flat(places)])
    if (body === undefined) return undefined
    const hashes = decodeHashes(body[1])
    const names = body[0] as readonly string[]
    return new Map(names.map((name, i) => [name, hashes[i] as TreeHash]))
  }

  async #ask(
    node: string,
    kind: AskKind,
    body: readonly Encodable[],
  ): Promise<readonly Encodable[] | undefined> {
    // Who did not answer once is not waited for again.
    if (this.#unreachable.has(node)) return undefined
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    const reply = await this.#parts.peers.request(node, kind, body, deadlineMs)
    return reply.type === 'ok' ? reply.body : this.#lose(node)
  }

  #lose(node: string): undefined {
    this.#unreachable.add(node)
    return undefined
  }
}

function flat(places: readonly LeafPlace[]): number[] {
  return places.flatMap(({ partition, index }) => [partition, index])
}
