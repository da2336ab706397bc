/**
 * What a proposer remembers of keys that it was the last to write: the value that was decided, and the ballot that its
 * acceptors promised it next. It is no lock: another proposer's higher ballot ends it, and then it only costs a trip.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { type Ballot, nextBallot } from '../../core/consensus/ballot.ts'
import type { Copy } from '../wire/object-record.ts'

const LEASES_MAX = 100_000
/** Of them together; most of their records are in the cache of objects, too. */
const BYTES_MAX = 32 * 1024 * 1024
/** What one costs beside its record and key. */
const LEASE_BYTES = 256

export interface Lease {
  /** The generation of the placement under which the acceptors promised it: those of another one have not. */
  readonly placedAt: number
  readonly ballot: Ballot
  readonly copy: Copy
}

export class Leases {
  /** In the order of their last use. */
  readonly #leases = new Map<string, Lease>()
  #bytes = 0

  put(storageKey: string, placedAt: number, decidedAt: Ballot, copy: Copy): void {
    this.#remove(storageKey)
    this.#leases.set(storageKey, { placedAt, ballot: nextBallot(decidedAt), copy })
    this.#bytes += sizeOf(storageKey, copy)
    for (const oldest of this.#leases.keys()) {
      if (this.#leases.size <= LEASES_MAX && this.#bytes <= BYTES_MAX) return
      this.#remove(oldest)
    }
  }

  /**
   * The lease, if there is one, which is gone with it: a ballot is used once. Not above `clockAt`, for what the clock
   * has not reached, it may give to another proposal in another life.
   */
  take(storageKey: string, placedAt: number, clockAt: Timestamp): Lease | undefined {
    const lease = this.#remove(storageKey)
    if (lease?.placedAt !== placedAt) return undefined
    return lease.ballot.counter <= clockAt ? lease : undefined
  }

  #remove(storageKey: string): Lease | undefined {
    const lease = this.#leases.get(storageKey)
    if (lease === undefined) return undefined
    this.#leases.delete(storageKey)
    this.#bytes -= sizeOf(storageKey, lease.copy)
    return lease
  }
}

function sizeOf(storageKey: string, { record }: Copy): number {
  return LEASE_BYTES + storageKey.length + record.length
}
