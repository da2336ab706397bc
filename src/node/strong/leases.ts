/**
 * The leases of this node as a proposer. After a decided proposal, a lease keeps the decided value and the next ballot,
 * which a majority promised with its acceptances. The next attempt for the key can then skip the prepare phase
 * (CASPaxos, Rystsov 2018, section 2.2.1).
 *
 * A lease is no lock, and has no time limit. Another proposer may use a higher ballot at any time. The acceptors then
 * refuse the lease's ballot, and the lease has only cost an extra round trip.
 *
 * Invariant: each ballot is handed out at most once.
 */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import { liveSiblings, type StoredObject } from '../../core/causality/stored-object.ts'
import { type Ballot, nextBallot } from '../../core/consensus/ballot.ts'
import type { Copy } from '../wire/object-record.ts'

const LEASES_MAX = 100_000
/** Bound of all leases together. Most of their records are in the object cache, too. */
const BYTES_MAX = 32 * 1024 * 1024
/** The cost of one lease beside its record and key. */
const LEASE_BYTES = 256

export interface Lease {
  /** The version of the placement whose acceptors promised the ballot. Acceptors of another placement did not. */
  readonly placementVersion: number
  readonly ballot: Ballot
  readonly copy: Copy
}

export class Leases {
  /** Least recently used first. */
  readonly #leases = new Map<string, Lease>()
  #bytes = 0

  put(storageKey: string, placementVersion: number, decidedAt: Ballot, copy: Copy): void {
    this.#remove(storageKey)
    this.#leases.set(storageKey, { placementVersion, ballot: nextBallot(decidedAt), copy })
    this.#bytes += sizeOf(storageKey, copy)
    for (const oldest of this.#leases.keys()) {
      if (this.#leases.size <= LEASES_MAX && this.#bytes <= BYTES_MAX) return
      this.#remove(oldest)
    }
  }

  /**
   * Removes the lease and returns it. A lease with a ballot above `clockAt` is not returned: the clock has not reached
   * that ballot, so the node could use it again for another proposal after a restart.
   */
  take(storageKey: string, placementVersion: number, clockAt: Timestamp): Lease | undefined {
    const lease = this.#remove(storageKey)
    if (lease?.placementVersion !== placementVersion) return undefined
    return lease.ballot.counter <= clockAt ? lease : undefined
  }

  #remove(storageKey: string): Lease | undefined {
    const lease = this.#leases.get(storageKey)
    if (lease === undefined) return undefined
    this.#leases.delete(storageKey)
    this.#bytes -= sizeOf(storageKey, lease.copy)
    assert(this.#bytes >= 0, 'each lease is counted once')
    return lease
  }
}

function sizeOf(storageKey: string, { record }: Copy): number {
  return LEASE_BYTES + storageKey.length + record.length
}

/** Whether a live value exists that does not expire. */
export function isLasting(object: StoredObject | undefined, nowMs: number): boolean {
  if (object === undefined) return false
  const [value] = liveSiblings(object, nowMs)
  return value !== undefined && value.expiresAtMs === 0
}
