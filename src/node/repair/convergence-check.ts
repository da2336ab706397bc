/**
 * Decides whether all owners hold the same copies. It compares the roots of the hash trees of every data partition at
 * all its owners, descends where they differ, and counts the keys.
 *
 * Invariant: it answers "converged" only if every member, asked before the trees, had nothing under way to an owner.
 * Then each write acknowledged before the check is in at least one of the compared trees. The members are asked again
 * after the trees, so that a running exchange prevents that answer too.
 */
import { PARTITION_COUNT } from '../../core/placement/topology.ts'
import { equalHashes, TREE_DEPTH, type TreeHash } from '../../core/repair/hash-tree.ts'
import type { HashForest } from './hash-forest.ts'
import type { HorizonKeeper } from './horizon-keeper.ts'
import type { LeafListing } from './leaf-listing.ts'
import { childrenOf, PLACES_PER_ASK, rootsOf } from './tree-places.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { ConvergenceAnswer } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import {
  addUnsettled,
  isQuiescent,
  NOTHING_UNSETTLED,
  type Unsettled,
} from '../service/unsettled.ts'
import { type AskFormat, NO_FIELDS } from '../wire/asks/ask-format.ts'
import { LEAVES, type LeavesAnswer, TREE, type TreePlace } from '../wire/asks/repair-asks.ts'
import { STATUS } from '../wire/asks/status-asks.ts'

const ASK_TIMEOUT_MS = 3000
/** Bound of the differing leaves whose keys are counted. Beyond it the count is a lower bound. */
const LEAVES_MAX = 4096
const LEAVES_PER_ASK = 128
/** How often leaves are compared again if none of their keys differs. */
const RECOUNTS_MAX = 3

export interface ConvergenceCheckParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly forest: HashForest
  readonly leaves: LeafListing
  readonly horizon: HorizonKeeper
  /** The writes, hints and exchanges that this node has under way to owners. */
  readonly unsettled: () => Unsettled
}

interface KeyCount {
  readonly differing: number
  /** Keys whose only copies are tombstones that some owners have forgotten and all may forget. */
  readonly fading: number
}

/** The answer of each owner, in the order of the places asked for. */
type Answers<T> = ReadonlyMap<string, readonly T[]>

export class ConvergenceCheck {
  readonly #parts: ConvergenceCheckParts
  readonly #unreachable = new Set<string>()

  /** One object serves one check. */
  constructor(parts: ConvergenceCheckParts) {
    this.#parts = parts
  }

  /** If `bucket` is given, only its keys are counted. */
  async run(bucket: string | undefined): Promise<ConvergenceAnswer> {
    const { buckets } = this.#parts.keeper.topology
    const wanted = buckets.filter(({ name }) => bucket === undefined || name === bucket)
    let differing = 0
    let fading = 0
    let isExact = true
    let leaves = 0
    const before = await this.#unsettled()
    for (const copies of new Set(wanted.map(({ n }) => n))) {
      const found = await this.#compare(copies, bucket)
      differing += found.differing
      fading += found.fading
      isExact &&= found.isExact
      leaves += found.leaves
    }
    const after = await this.#unsettled()
    const unreachable = [...this.#unreachable].sort()
    // A leaf also has keys of other buckets. If trees differ over equal copies, a tree is incomplete.
    const isExplained = bucket !== undefined || leaves === 0 || fading > 0
    const isSame = differing === 0 && isExact && isExplained
    const converged =
      isSame && unreachable.length === 0 && isQuiescent(before) && isQuiescent(after)
    const underWay = isQuiescent(after) ? before : after
    return { converged, differing, isExact, unreachable, underWay }
  }

  /** The sum of what all members have under way. */
  async #unsettled(): Promise<Unsettled> {
    const { self, keeper, unsettled } = this.#parts
    const told = await Promise.all(
      keeper.topology.members.map(async ({ id }) => {
        if (id === self) return unsettled()
        const view = await this.#ask(id, STATUS, NO_FIELDS)
        return view?.unsettled ?? NOTHING_UNSETTLED
      }),
    )
    return told.reduce(addUnsettled, NOTHING_UNSETTLED)
  }

  async #compare(
    copies: number,
    bucket: string | undefined,
  ): Promise<KeyCount & { leaves: number; isExact: boolean }> {
    const roots = rootsOf(Array.from({ length: PARTITION_COUNT }, (_, partition) => partition))
    let places = await this.#differing(copies, 0, roots)
    for (let level = 1; level <= TREE_DEPTH && places.length > 0; level++) {
      places = await this.#differing(copies, level, childrenOf(places))
    }
    const isExact = places.length <= LEAVES_MAX
    let counted = await this.#countAll(copies, places.slice(0, LEAVES_MAX), bucket)
    // If no key differs, the last settled tombstones may have been collected after the trees were compared. Compare
    // again.
    for (let i = 0; i < RECOUNTS_MAX && isExact && places.length > 0; i++) {
      if (counted.differing + counted.fading > 0) break
      places = await this.#differing(copies, TREE_DEPTH, places)
      counted = await this.#countAll(copies, places, bucket)
    }
    return { ...counted, leaves: places.length, isExact }
  }

  async #countAll(
    copies: number,
    places: readonly TreePlace[],
    bucket: string | undefined,
  ): Promise<KeyCount> {
    let differing = 0
    let fading = 0
    for (let i = 0; i < places.length; i += LEAVES_PER_ASK) {
      const found = await this.#countKeys(copies, places.slice(i, i + LEAVES_PER_ASK), bucket)
      differing += found.differing
      fading += found.fading
    }
    return { differing, fading }
  }

  /** Selects the places whose hash differs among their owners. */
  async #differing(
    copies: number,
    level: number,
    places: readonly TreePlace[],
  ): Promise<TreePlace[]> {
    const differing: TreePlace[] = []
    for (let i = 0; i < places.length; i += PLACES_PER_ASK) {
      const asked = places.slice(i, i + PLACES_PER_ASK)
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
    places: readonly TreePlace[],
    bucket: string | undefined,
  ): Promise<KeyCount> {
    const answers = new Map<string, LeavesAnswer>()
    for (const [node, own] of this.#byOwner(copies, places)) {
      const answer = await this.#keysAt(node, copies, own)
      if (answer !== undefined) answers.set(node, answer)
    }
    const names = new Set([...answers.values()].flatMap((held) => [...held.copies.keys()]))
    let differing = 0
    let fading = 0
    for (const name of names) {
      const bucketName = name.slice(0, name.indexOf('/'))
      if (bucket !== undefined && bucketName !== bucket) continue
      const known = this.#parts.keeper.bucket(bucketName)
      if (known === undefined) continue
      const { owners } = this.#parts.keeper.place(known, name.slice(bucketName.length + 1))
      const told = owners.flatMap((owner) => answers.get(owner) ?? [])
      if (isSame(told.map((held) => held.copies.get(name)))) continue
      if (isFading(told, name)) fading++
      else differing++
    }
    return { differing, fading }
  }

  /** For each place, the hashes of the owners that answered. */
  #collect<T>(copies: number, places: readonly TreePlace[], answers: Answers<T>): T[][] {
    const found = places.map((): T[] => [])
    const byPlace = new Map(places.map((place, i) => [place, i]))
    for (const [node, own] of this.#byOwner(copies, places)) {
      answers.get(node)?.forEach((answer, i) => {
        found[byPlace.get(own[i] as TreePlace) as number]?.push(answer)
      })
    }
    return found
  }

  #byOwner(copies: number, places: readonly TreePlace[]): Map<string, TreePlace[]> {
    const { members, preference } = this.#parts.keeper.topology
    const byOwner = new Map<string, TreePlace[]>()
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
    places: readonly TreePlace[],
    ask: (node: string, own: readonly TreePlace[]) => Promise<readonly T[] | undefined>,
  ): Promise<Answers<T>> {
    const answers = new Map<string, readonly T[]>()
    const one = async ([node, own]: [string, TreePlace[]]): Promise<void> => {
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
    places: readonly TreePlace[],
  ): Promise<readonly TreeHash[] | undefined> {
    const { self, forest } = this.#parts
    if (node === self) {
      if (!forest.isBuilt) return this.#markUnreachable(node)
      return places.map(({ partition, index }) => forest.node(copies, partition, level, index))
    }
    const answer = await this.#ask(node, TREE, { copies, level, places })
    return answer?.hashes
  }

  async #keysAt(
    node: string,
    copies: number,
    places: readonly TreePlace[],
  ): Promise<LeavesAnswer | undefined> {
    const { self, leaves, horizon } = this.#parts
    if (node === self) return { ...(await leaves.list(copies, places)), horizon: horizon.value }
    return this.#ask(node, LEAVES, { copies, places })
  }

  async #ask<Request, Answer>(
    node: string,
    format: AskFormat<Request, Answer>,
    request: Request,
  ): Promise<Answer | undefined> {
    // Do not wait again for a member that failed to answer once.
    if (this.#unreachable.has(node)) return undefined
    const deadlineMs = this.#parts.clock.nowMs() + ASK_TIMEOUT_MS
    const reply = await this.#parts.peers.request(node, format, request, deadlineMs)
    return reply.type === 'ok' ? reply.answer : this.#markUnreachable(node)
  }

  #markUnreachable(node: string): undefined {
    this.#unreachable.add(node)
    return undefined
  }
}

function isSame(hashes: readonly (TreeHash | undefined)[]): boolean {
  const [first] = hashes
  return hashes.every((hash) => hash !== undefined && first && equalHashes(hash, first))
}

/**
 * Whether the owners without the key may have forgotten it. This is so if the other owners hold the same tombstone, and
 * the horizon of at least one owner without it has passed it. The other horizons do not matter, because an owner also
 * forgets a tombstone when it is compared with one that has collected it.
 */
function isFading(told: readonly LeavesAnswer[], name: string): boolean {
  const holders = told.filter(({ copies }) => copies.has(name))
  const horizons = told.filter(({ copies }) => !copies.has(name)).map(({ horizon }) => horizon)
  const settled = Math.max(...horizons)
  return (
    isSame(holders.map(({ copies }) => copies.get(name))) &&
    holders.every(({ dying }) => (dying.get(name) ?? Infinity) <= settled)
  )
}
