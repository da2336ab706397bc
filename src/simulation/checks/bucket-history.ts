/**
 * What clients know about the buckets of one label, and what the promises of the store say about them. Each bucket that
 * is created has a *tag* of its own, which the workload hides in a setting. So the check does not rely on how the store
 * tells two buckets of one label apart. Each key of a bucket is written once, with a unique value.
 *
 * Invariants: a read or a list of a bucket shows only what was written to that very bucket. It shows each acknowledged
 * value that nobody has tried to delete. A bucket that was deleted because it was empty has lost no acknowledged value.
 */
import { Violation } from './violation.ts'

export interface BucketWrite {
  readonly value: string
  readonly isQuorum: boolean
  outcome: 'pending' | 'ok' | 'rejected' | 'unknown'
  /** When the client got the answer; Infinity until then. */
  endUs: number
  /** Whether a client has begun to delete the value. */
  isDeleted: boolean
}

interface TaggedBucket {
  readonly writes: Map<string, BucketWrite>
  /** Whether it was deleted because it was empty. */
  isGoneEmpty: boolean
}

export class BucketHistory {
  readonly #label: string
  readonly #buckets = new Map<number, TaggedBucket>()

  constructor(label: string) {
    this.#label = label
  }

  /** Undefined if the key was written before. */
  begin(tag: number, key: string, value: string, isQuorum: boolean): BucketWrite | undefined {
    const { writes } = this.#of(tag)
    if (writes.has(key)) return undefined
    const write: BucketWrite = {
      value,
      isQuorum,
      outcome: 'pending',
      endUs: Infinity,
      isDeleted: false,
    }
    writes.set(key, write)
    return write
  }

  end(
    tag: number,
    write: BucketWrite,
    outcome: 'ok' | 'rejected' | 'unknown',
    nowUs: number,
  ): void {
    write.outcome = outcome
    write.endUs = nowUs
    if (this.#of(tag).isGoneEmpty) this.#expectNotLost(write)
  }

  /** The keys that may hold a value. The caller is about to delete them. */
  beginClear(tag: number): string[] {
    const left = [...this.#of(tag).writes].filter(([, { outcome }]) => outcome !== 'rejected')
    for (const [, write] of left) write.isDeleted = true
    return left.map(([key]) => key)
  }

  /** The bucket was deleted without force. */
  goneEmpty(tag: number): void {
    const bucket = this.#of(tag)
    bucket.isGoneEmpty = true
    for (const write of bucket.writes.values()) this.#expectNotLost(write)
  }

  /** `level`: how many copies the read has seen. It began at `startUs`. */
  seen(
    tag: number,
    key: string,
    values: readonly string[],
    { level, startUs }: { readonly level: 'one' | 'quorum' | 'all'; readonly startUs: number },
  ): void {
    const write = this.#of(tag).writes.get(key)
    for (const value of values) this.#expectOwn(tag, key, value, write)
    if (write === undefined || values.length > 0) return
    const isCertain = level === 'all' || (level === 'quorum' && write.isQuorum)
    if (isCertain && this.#isLasting(write, startUs)) {
      this.#fail('lost', `${write.value} was acknowledged, but a later read did not return it`, key)
    }
  }

  /** A list that began at `startUs`. `isComplete`: no key that a quorum holds may be missing. */
  listed(
    tag: number,
    keys: readonly string[],
    { isComplete, startUs }: { readonly isComplete: boolean; readonly startUs: number },
  ): void {
    const { writes } = this.#of(tag)
    for (const key of keys) {
      const outcome = writes.get(key)?.outcome
      if (outcome !== undefined && outcome !== 'rejected') continue
      this.#fail('came-back', `a list of bucket ${tag} shows ${key}, which nobody wrote to it`, key)
    }
    for (const [key, write] of writes) {
      if (!isComplete || keys.includes(key) || !write.isQuorum) continue
      if (!this.#isLasting(write, startUs)) continue
      this.#fail('lost', `${write.value} was acknowledged, but a later list did not show it`, key)
    }
  }

  #expectOwn(tag: number, key: string, value: string, write: BucketWrite | undefined): void {
    if (write?.value !== value) {
      this.#fail('came-back', `a read of bucket ${tag} returned ${value}, of another bucket`, key)
    }
    if (write.outcome === 'rejected') {
      this.#fail('rejected', `a read returned ${value}, but its write was rejected`, key)
    }
  }

  #expectNotLost(write: BucketWrite): void {
    if (write.outcome !== 'ok' || write.isDeleted) return
    const message = `the bucket was deleted as an empty one, with the acknowledged value ${write.value}`
    throw new Violation('deleted-full', message)
  }

  #isLasting({ outcome, endUs, isDeleted }: BucketWrite, startUs: number): boolean {
    return outcome === 'ok' && endUs < startUs && !isDeleted
  }

  #of(tag: number): TaggedBucket {
    let bucket = this.#buckets.get(tag)
    if (bucket === undefined) {
      bucket = { writes: new Map(), isGoneEmpty: false }
      this.#buckets.set(tag, bucket)
    }
    return bucket
  }

  #fail(invariant: string, message: string, key: string): never {
    throw new Violation(invariant, message, `${this.#label}/${key}`)
  }
}
