/**
 * The ballots that this node has promised for strong keys, if they lie above what the key's record implies. An accepted
 * ballot implies the promise of its successor (core/consensus/ballot.ts). So only keys whose last message was a prepare
 * have an entry.
 *
 * All entries are in memory, at most one a key. Those of keys that no longer exist are dropped once the horizon passes
 * them.
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
   * Takes effect here at once. A lower ballot than the one promised changes nothing, here or on the disk. The caller makes
   * the returned operation durable before it answers.
   */
  raise(storageKey: string, ballot: Ballot): DiskOperation {
    const promised = maxBallot(ballot, this.#ballots.get(storageKey) ?? BALLOT_ZERO)
    this.#ballots.set(storageKey, promised)
    const value = this.#codec.encode([...encodeBallot(promised)])
    return { type: 'put', key: promiseKey(storageKey), value }
  }

  /** Drops a promise that the stored record now implies. */
  drop(storageKey: string, ballot: Ballot): void {
    const held = this.#ballots.get(storageKey)
    if (held !== undefined && compareBallots(held, ballot) <= 0) this.#ballots.delete(storageKey)
  }

  /** Moves it behind all others. */
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
