/**
 * What clients know of one key, and what the store's promises make of it. Each write has a value of its own,
 * so a value names its write.
 *
 * A value is *threatened* by each write, not rejected, that may have replaced it: one whose context had shown
 * it, or a blind one that was under way or came later. It is *gone* once such a write with a context is
 * acknowledged, or a blind one at a quorum that began after the value was acknowledged at a quorum. Then: an acknowledged value without a threat is there; a value that is gone, was rejected, or
 * was never written is not.
 */
import { assert } from '../../core/assert.ts'
import { Violation } from './violation.ts'

export interface Write {
  readonly id: number
  /** Unique; undefined for a delete. */
  readonly value: string | undefined
  readonly startUs: number
  /** When the client heard of it; Infinity while it has not. */
  endUs: number
  outcome: 'pending' | 'ok' | 'rejected' | 'unknown'
  /** Whether the level makes every later quorum read see it. */
  readonly isQuorum: boolean
  /** Whether it counts as acknowledged at all: `weak` writes promise nothing. */
  readonly isCounted: boolean
  /** Values that its context had shown; undefined for a blind write. */
  readonly replaced: readonly string[] | undefined
  /** Whether they are gone once it is acknowledged; else they only may be. */
  readonly isSure: boolean
  /** Of its value: when it ceases to be. Infinity where it has no ttl. */
  readonly expiresUs: number
}

interface Value {
  readonly write: Write
  /** Writes, not rejected, that may have replaced it. */
  threats: number
  /** When an acknowledged write had replaced it: at any level, and at one that quorum reads see. */
  goneUs: number
  goneAtQuorumUs: number
  wasSeen: boolean
  /** When a quorum read first gave it: from then on every one does, or what replaced it. */
  seenAtQuorumUs: number
}

/** A blind write whose outcome is unknown may go on for so long after its client was told. */
const UNKNOWN_GRACE_US = 20_000_000
/** Clocks may disagree about an expiry by so much. */
const EXPIRY_GRACE_US = 25_000_000

export class KeyHistory {
  readonly name: string
  readonly #values = new Map<string, Value>()
  /** Writes that threaten values still to come. */
  #blind: Write[] = []
  /** Deletes and values with a ttl, not rejected: without any, a key that has a value keeps one. */
  #ends = 0
  #lastingUs = Infinity

  constructor(name: string) {
    this.name = name
  }

  begin(write: Write): void {
    for (const value of this.#threatened(write)) value.threats++
    if (write.replaced === undefined) this.#blind.push(write)
    if (write.value === undefined || write.expiresUs !== Infinity) this.#ends++
    if (write.value === undefined) return
    assert(!this.#values.has(write.value), 'each write has a value of its own')
    const value: Value = {
      write,
      threats: 0,
      goneUs: Infinity,
      goneAtQuorumUs: Infinity,
      wasSeen: false,
      seenAtQuorumUs: Infinity,
    }
    for (const blind of this.#blind) {
      if (blind !== write && blindUntilUs(blind) > write.startUs) value.threats++
    }
    this.#values.set(write.value, value)
  }

  end(write: Write, outcome: 'ok' | 'rejected' | 'unknown', nowUs: number): void {
    write.outcome = outcome
    write.endUs = nowUs
    this.#blind = this.#blind.filter((blind) => blindUntilUs(blind) > nowUs)
    if (outcome === 'rejected') this.#rejected(write)
    if (outcome === 'ok' && !write.isSure) return
    if (outcome === 'ok') {
      if (write.value !== undefined && write.isQuorum) {
        this.#lastingUs = Math.min(this.#lastingUs, nowUs)
      }
      for (const value of this.#replaced(write)) {
        value.goneUs = Math.min(value.goneUs, nowUs)
        if (write.isQuorum) value.goneAtQuorumUs = Math.min(value.goneAtQuorumUs, nowUs)
      }
    }
  }

  /** What an acknowledged write has certainly replaced. */
  *#replaced(write: Write): Generator<Value> {
    for (const name of write.replaced ?? []) {
      const value = this.#values.get(name)
      if (value !== undefined) yield value
    }
    if (write.replaced !== undefined || !write.isQuorum) return
    // A blind write at a quorum replaces all that a quorum had acknowledged before it began.
    for (const value of this.#values.values()) {
      const { isQuorum, outcome, endUs } = value.write
      if (isQuorum && outcome === 'ok' && endUs < write.startUs) yield value
    }
  }

  /** Values that a read of any level gave. */
  seen(names: readonly string[]): void {
    for (const name of names) {
      const value = this.#values.get(name)
      if (value === undefined) {
        throw new Violation('invented', `${name} was read, and nobody wrote it`, this.name)
      }
      value.wasSeen = true
      if (value.write.outcome === 'rejected') {
        throw new Violation('rejected', `${name} was rejected, and is read`, this.name)
      }
    }
  }

  /** A read that a majority answered, begun at `startUs` and answered now. */
  seenAtQuorum(names: readonly string[], startUs: number, nowUs: number): void {
    this.seen(names)
    for (const name of names) {
      const value = this.#values.get(name) as Value
      value.seenAtQuorumUs = Math.min(value.seenAtQuorumUs, nowUs)
      if (value.goneAtQuorumUs < startUs) {
        throw new Violation(
          'quorum-read',
          `${name} had been replaced at quorum before the read began, and is read`,
          this.name,
        )
      }
    }
    for (const [name, value] of this.#values) {
      const { write } = value
      const isAcknowledged = write.isQuorum && write.outcome === 'ok' && write.endUs < startUs
      if (!isAcknowledged && value.seenAtQuorumUs >= startUs) continue
      if (value.threats > 0 || write.expiresUs !== Infinity || names.includes(name)) continue
      throw new Violation(
        'quorum-read',
        `${name} was ${isAcknowledged ? 'acknowledged' : 'read'} at quorum before the read began, ` +
          'nothing replaced it, and it is not read',
        this.name,
      )
    }
    this.#checkPresent(names, startUs)
    this.#forget(nowUs)
  }

  /** What is there once everything has come to rest. */
  seenAtRest(names: readonly string[], nowUs: number): void {
    this.seen(names)
    for (const name of names) {
      const value = this.#values.get(name) as Value
      if (value.goneUs !== Infinity) {
        throw new Violation('resurrected', `${name} had been replaced, and is back`, this.name)
      }
      if (value.write.expiresUs + EXPIRY_GRACE_US < nowUs) {
        throw new Violation('expired', `${name} has expired, and is read`, this.name)
      }
    }
    this.#checkPresent(names, nowUs)
    for (const [name, value] of this.#values) {
      const { write } = value
      if (!write.isCounted || write.outcome !== 'ok' || write.expiresUs !== Infinity) continue
      if (value.threats > 0 || names.includes(name)) continue
      throw new Violation('lost', `${name} was acknowledged, and is gone`, this.name)
    }
  }

  /** Writes replace each other, however they race; only a delete or an expiry leaves nothing. */
  #checkPresent(names: readonly string[], startUs: number): void {
    if (names.length > 0 || this.#ends > 0 || this.#lastingUs >= startUs) return
    throw new Violation('lost', 'the key was written and never deleted, and is absent', this.name)
  }

  /** When the write of a value was begun; undefined where nobody wrote it. */
  begunUs(name: string): number | undefined {
    return this.#values.get(name)?.write.startUs
  }

  #rejected(write: Write): void {
    if (write.value === undefined || write.expiresUs !== Infinity) this.#ends--
    for (const value of this.#threatened(write)) value.threats--
    if (write.replaced === undefined) this.#blind = this.#blind.filter((blind) => blind !== write)
    for (const value of this.#values.values()) {
      // It threatened what was begun while it was under way.
      if (write.replaced === undefined && value.write.startUs > write.startUs) value.threats--
    }
    if (write.value === undefined) return
    if (this.#values.get(write.value)?.wasSeen === true) {
      throw new Violation('rejected', `${write.value} was read, and then rejected`, this.name)
    }
  }

  *#threatened(write: Write): Generator<Value> {
    if (write.replaced === undefined) {
      for (const value of this.#values.values()) {
        if (value.write !== write && value.write.startUs <= write.startUs) yield value
      }
      return
    }
    for (const name of write.replaced) {
      const value = this.#values.get(name)
      if (value !== undefined) yield value
    }
  }

  /** A value that has been gone for long is forgotten: read again, it would be one that nobody wrote. */
  #forget(nowUs: number): void {
    if (this.#values.size < VALUES_MAX) return
    for (const [name, value] of this.#values) {
      if (value.goneAtQuorumUs < nowUs - FORGET_AFTER_US) this.#values.delete(name)
    }
  }
}

/** Bounds the memory of a long run. */
const VALUES_MAX = 2000
const FORGET_AFTER_US = 60_000_000

function blindUntilUs(write: Write): number {
  return write.outcome === 'unknown' ? write.endUs + UNKNOWN_GRACE_US : write.endUs
}
