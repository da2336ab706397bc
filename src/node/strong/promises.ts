/**
 * The promises of this node as an acceptor that its records do not imply. A record with an accepted ballot implies the
 * promise of the next ballot (core/consensus/ballot.ts). So a key has an entry here only between a prepare and the
 * acceptance that follows, or after its record was damaged.
 *
 * All entries are in memory, at most one for each key. If the key no longer exists, its entry is dropped once the
 * horizon has passed it (register-acceptor.ts).
 */
import {
  type Ballot,
  BALLOT_ZERO,
  compareBallots,
  encodeBallot,
  maxBallot,
  parseBallot,
} from '../../core/consensus/ballot.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Disk, DiskOperation } from '../../ports/disk.ts'
import { type RecordPage, readPage } from '../storage/record-page.ts'
import { ALL_PROMISES, promisedRecordKey, promiseKey } from '../storage/storage-keys.ts'

const PAGE = 1000

export class Promises {
  readonly #codec: Codec
  readonly #ballots = new Map<string, Ballot>()

  constructor(codec: Codec) {
    this.#codec = codec
  }

  /**
   * Reads the promises of earlier lives. Resolves with the storage keys of damaged promises: neither their ballot nor
   * their key is known. Rejects with a `DiskError`.
   */
  async load(disk: Disk): Promise<string[]> {
    const damaged: string[] = []
    const [begin, end] = ALL_PROMISES
    for (let from: string | undefined = begin; from !== undefined;) {
      const page: RecordPage = await readPage(disk, from, end, PAGE)
      for (const [key, bytes] of page.entries) {
        const ballot = this.#decoded(bytes)
        if (ballot === undefined) damaged.push(key)
        else this.#ballots.set(promisedRecordKey(key), ballot)
      }
      from = page.next
    }
    return damaged
  }

  of(storageKey: string): Ballot | undefined {
    return this.#ballots.get(storageKey)
  }

  /**
   * Raises the promise to `ballot`, in memory at once. A ballot below the present promise changes nothing, here or on
   * the disk. The caller makes the returned operation durable before it answers.
   */
  raise(storageKey: string, ballot: Ballot): DiskOperation {
    const promised = maxBallot(ballot, this.#ballots.get(storageKey) ?? BALLOT_ZERO)
    this.#ballots.set(storageKey, promised)
    const value = this.#codec.encode([...encodeBallot(promised)])
    return { type: 'put', key: promiseKey(storageKey), value }
  }

  /** Drops the promise in memory, unless it is above `ballot`. The caller deletes it from the disk. */
  drop(storageKey: string, ballot: Ballot): void {
    const held = this.#ballots.get(storageKey)
    if (held !== undefined && compareBallots(held, ballot) <= 0) this.#ballots.delete(storageKey)
  }

  /** Moves the promise to the end of `entries`. */
  defer(storageKey: string): void {
    const held = this.#ballots.get(storageKey)
    if (held === undefined) return
    this.#ballots.delete(storageKey)
    this.#ballots.set(storageKey, held)
  }

  *entries(): IterableIterator<[storageKey: string, ballot: Ballot]> {
    yield* this.#ballots
  }

  #decoded(bytes: Uint8Array): Ballot | undefined {
    try {
      return parseBallot(this.#codec.decode(bytes))
    } catch {
      return undefined
    }
  }
}
