/**
 * Asks all owners of a bucket for one page. The round ends once a majority of the owners of each data partition has
 * answered, after a short wait for the others. It does not ask a late owner again as long as the others are enough.
 *
 * If damage may hide keys of a data partition at an owner, that owner counts as missing for the partition.
 *
 * The round distinguishes two kinds of absent owners. If a cut hides owners, their partitions are missing. If owners
 * are slow or overloaded, the round fails: a slow disk must never turn a long list into a short one.
 */
import { QuorateError } from '../../core/errors.ts'
import { placementAt } from '../../core/placement/preference-list.ts'
import { type Bucket, PARTITION_COUNT } from '../../core/placement/topology.ts'
import { majority } from '../../core/quorum/level.ts'
import type { Timer, Timers } from '../../ports/timers.ts'
import type { Codec } from '../../ports/codec.ts'
import type { SpanParent } from '../../ports/tracer.ts'
import type { KeyPages, PagePlace } from './key-pages.ts'
import { type OwnerPage, pageIn } from './list-page.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { NoAnswer } from '../peers/reply.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { LIST } from '../wire/asks/list-asks.ts'

/** A round that has enough answers waits this long for the rest, because one owner may have what another lacks. */
const GRACE_MS = 50

export interface ListingParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly pages: KeyPages
  readonly reachable: (node: string) => boolean
  /** Whether this node's copies are complete. If not, its own page is left out like that of a hidden owner. */
  readonly isComplete: () => boolean
}

/** Whether an owner's page contains all its keys of a data partition. */
type Covers = (node: string, partition: number) => boolean

/** Why an owner sent no page. */
type Absence = 'hidden' | 'slow' | 'overloaded'

export type RoundResult =
  | { readonly pages: readonly OwnerPage[]; readonly missingPartitions: readonly number[] }
  | { readonly error: QuorateError }

export class ListRound {
  readonly #timers: Timers
  readonly #codec: Codec
  readonly #parts: ListingParts
  readonly #span: SpanParent | undefined
  /** Owners that were late, or could not be asked, in an earlier round. */
  readonly #laggards = new Set<string>()

  /** `span`: of the request, if it is traced. */
  constructor(
    ports: { timers: Timers; codec: Codec },
    parts: ListingParts,
    span: SpanParent | undefined,
  ) {
    this.#timers = ports.timers
    this.#codec = ports.codec
    this.#parts = parts
    this.#span = span
  }

  async run(bucket: Bucket, place: PagePlace, deadlineMs: number): Promise<RoundResult> {
    const { placementVersion } = this.#parts.keeper
    const members = this.#parts.keeper.topology.members.map(({ id }) => id)
    const isSwift = (id: string): boolean => !this.#laggards.has(id)
    const nodes = this.#uncovered(bucket, isSwift).length > 0 ? members : members.filter(isSwift)
    const { pages, absent } = await this.#ask(bucket, place, nodes, deadlineMs)
    // A page has only the keys that its node owned when it was made. It says nothing about those it owns by now.
    if (placementVersion !== this.#parts.keeper.placementVersion) {
      return this.run(bucket, place, deadlineMs)
    }
    for (const node of nodes) if (!pages.has(node)) this.#laggards.add(node)
    const answered = coveredBy(pages)
    const late = [...absent].filter(([, why]) => why !== 'hidden')
    const isLate = (id: string): boolean => late.some(([node]) => node === id)
    const missingPartitions = this.#uncovered(bucket, answered)
    const hidden = this.#uncovered(
      bucket,
      (node, partition) => answered(node, partition) || isLate(node),
    )
    // A late owner, and not only a cut, keeps a partition from being seen.
    if (missingPartitions.length > hidden.length) return { error: lateError(late) }
    return { pages: [...pages.values()], missingPartitions }
  }

  /** The data partitions without a majority of owners that cover them. */
  #uncovered(bucket: Bucket, covers: Covers): number[] {
    const { topology } = this.#parts.keeper
    const uncovered: number[] = []
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      const { owners } = placementAt(topology, bucket.n, partition)
      const there = owners.filter((owner) => covers(owner, partition)).length
      if (there < majority(owners.length)) uncovered.push(partition)
    }
    return uncovered
  }

  #ask(
    bucket: Bucket,
    place: PagePlace,
    nodes: readonly string[],
    deadlineMs: number,
  ): Promise<{ pages: ReadonlyMap<string, OwnerPage>; absent: ReadonlyMap<string, Absence> }> {
    const pages = new Map<string, OwnerPage>()
    const absent = new Map<string, Absence>()
    const waiting = new Set(nodes)
    return new Promise((resolve) => {
      let isOver = false
      let grace: Timer | undefined
      const end = (): void => {
        if (isOver) return
        isOver = true
        for (const node of waiting) absent.set(node, this.#silence(node))
        grace?.cancel()
        latest.cancel()
        resolve({ pages, absent })
      }
      const settle = (node: string, page: OwnerPage | Absence): void => {
        if (isOver) return
        waiting.delete(node)
        if (typeof page === 'string') absent.set(node, page)
        else pages.set(node, page)
        if (waiting.size === 0) end()
        else if (this.#hasEnough(bucket, pages, waiting)) {
          grace ??= this.#timers.after(GRACE_MS, end)
        }
      }
      const leftMs = this.#parts.clock.leftMs(deadlineMs)
      const latest = this.#timers.after(leftMs, end)
      for (const node of nodes) {
        this.#askOne(bucket, place, node, deadlineMs).then(
          (page) => settle(node, page),
          (error: unknown) => settle(node, isOverloaded(error) ? 'overloaded' : 'hidden'),
        )
      }
    })
  }

  /** Whether the round may end without the missing answers: they are not needed, or believed to be out of reach. */
  #hasEnough(
    bucket: Bucket,
    pages: ReadonlyMap<string, OwnerPage>,
    waiting: ReadonlySet<string>,
  ): boolean {
    if (this.#uncovered(bucket, coveredBy(pages)).length === 0) return true
    return [...waiting].every((node) => !this.#parts.reachable(node))
  }

  async #askOne(
    bucket: Bucket,
    place: PagePlace,
    node: string,
    deadlineMs: number,
  ): Promise<OwnerPage | Absence> {
    const { self, pages, peers, isComplete } = this.#parts
    if (node === self) return isComplete() ? pages.page(bucket, place) : 'hidden'
    const request = { bucket: bucket.name, ...place, readsEncodedHeads: true }
    const reply = await peers.request(node, LIST, request, deadlineMs, this.#span)
    if (reply.type === 'ok') return pageIn(this.#codec, reply.answer) ?? 'hidden'
    return this.#absence(node, reply)
  }

  #absence(node: string, reply: NoAnswer): Absence {
    if (reply.type === 'refused') return reply.code === 'overloaded' ? 'overloaded' : 'hidden'
    const isLate = reply.type === 'lost' && (reply.reason === 'deadline' || reply.reason === 'late')
    return isLate ? this.#silence(node) : 'hidden'
  }

  #silence(node: string): Absence {
    return this.#parts.reachable(node) ? 'slow' : 'hidden'
  }
}

function coveredBy(pages: ReadonlyMap<string, OwnerPage>): Covers {
  return (node, partition) => {
    const page = pages.get(node)
    return page !== undefined && !page.doubtful.includes(partition)
  }
}

function isOverloaded(error: unknown): boolean {
  return error instanceof QuorateError && error.code === 'overloaded'
}

function lateError(late: readonly [node: string, why: Absence][]): QuorateError {
  const names = late.map(([node]) => node).join(', ')
  if (late.some(([, why]) => why === 'slow')) {
    return new QuorateError(
      'deadline_passed',
      `${names} did not list their keys before the deadline`,
    )
  }
  return new QuorateError('overloaded', `${names}: busy with other lists of keys`, {
    retryAfterSeconds: 1,
  })
}
