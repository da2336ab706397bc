/**
 * What clients know about one key, and what the promises of the store say about it. Each write has a unique value, so a
 * value identifies its write.
 *
 * Every write that was not rejected and may have replaced a value *threatens* the value: a write whose context
 * contained the value, or a blind write that overlapped it or came later. A value is *gone* when such a write with a
 * context is acknowledged, or a blind write at a quorum that began after the value was acknowledged at a quorum.
 *
 * Invariants: an acknowledged value without a threat is present. A value that is gone, was rejected, or was never
 * written is absent.
 */
import { assert } from '../../core/assert.ts'
import { Violation } from './violation.ts'

export interface Write {
  readonly id: number
  /** Unique; undefined for a delete. */
  readonly value: string | undefined
  readonly startUs: number
  /** When the client got the answer; Infinity until then. */
  endUs: number
  outcome: 'pending' | 'ok' | 'rejected' | 'unknown'
  /** Whether the level guarantees that every later quorum read sees it. */
  readonly isQuorum: boolean
  /** Whether it counts as acknowledged at all: `weak` writes promise nothing. */
  readonly isCounted: boolean
  /** The values that its context covered; undefined for a blind write. */
  readonly replaced: readonly string[] | undefined
  /** Whether these values are certainly gone once it is acknowledged. Otherwise they may be. */
  readonly isSure: boolean
  /** When its value expires; Infinity without a ttl. */
  readonly expiresUs: number
}

interface Value {
  readonly write: Write
  /** The number of writes, not rejected, that may have replaced it. */
  threats: number
  /** When an acknowledged write had replaced it, at any level, and at a level that quorum reads see. */
  goneUs: number
  goneAtQuorumUs: number
  wasSeen: boolean
  /** When a quorum read first returned it. From then on every quorum read returns it, or its replacement. */
  seenAtQuorumUs: number
}

/** A blind write of unknown outcome may still take effect for so long after its client got the answer. */
const UNKNOWN_GRACE_US = 20_000_000
/** By so much clocks may disagree about an expiry. */
const EXPIRY_GRACE_US = 25_000_000

export class KeyHistory {
  readonly name: string
  readonly #values = new Map<string, Value>()
  /** Blind writes that still threaten values written from now on. */
  #blind: Write[] = []
  /** The number of deletes and of values with a ttl, not rejected. If it is 0, a key that has a value keeps one. */
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

  /** The values that an acknowledged write has certainly replaced. */
  *#replaced(write: Write): Generator<Value> {
    for (const name of write.replaced ?? []) {
      const value = this.#values.get(name)
      if (value !== undefined) yield value
    }
    if (write.replaced !== undefined || !write.isQuorum) return
    // A blind write at a quorum replaces every value that a quorum had acknowledged before it began.
    for (const value of this.#values.values()) {
      const { isQuorum, outcome, endUs } = value.write
      if (isQuorum && outcome === 'ok' && endUs < write.startUs) yield value
    }
  }

  /** Takes the values that a read of any level returned. */
  seen(names: readonly string[]): void {
    for (const name of names) {
      const value = this.#values.get(name)
      if (value === undefined) {
        throw new Violation('invented', `a read returned ${name}, but nobody wrote it`, this.name)
      }
      value.wasSeen = true
      if (value.write.outcome === 'rejected') {
        throw new Violation(
          'rejected',
          `a read returned ${name}, but its write was rejected`,
          this.name,
        )
      }
    }
  }

  /** Takes the values of a read that a majority answered. It began at `startUs` and was answered now. */
  seenAtQuorum(names: readonly string[], startUs: number, nowUs: number): void {
    this.seen(names)
    for (const name of names) {
      const value = this.#values.get(name) as Value
      value.seenAtQuorumUs = Math.min(value.seenAtQuorumUs, nowUs)
      if (value.goneAtQuorumUs < startUs) {
        throw new Violation(
          'quorum-read',
          `stale read: a quorum read returned ${name}, but a quorum write had replaced it before the read began`,
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
        `stale read: a quorum ${isAcknowledged ? 'acknowledged' : 'read returned'} ${name} before the read began, ` +
          'and nothing replaced it, but the read did not return it',
        this.name,
      )
    }
    this.#checkPresent(names, startUs)
    this.#forget(nowUs)
  }

  /** Takes the values that are left when everything has come to rest. */
  seenAtRest(names: readonly string[], nowUs: number): void {
    this.seen(names)
    for (const name of names) {
      const value = this.#values.get(name) as Value
      if (value.goneUs !== Infinity) {
        throw new Violation(
          'resurrected',
          `${name} came back although an acknowledged write had replaced it`,
          this.name,
        )
      }
      if (value.write.expiresUs + EXPIRY_GRACE_US < nowUs) {
        throw new Violation('expired', `a read returned ${name}, but it has expired`, this.name)
      }
    }
    this.#checkPresent(names, nowUs)
    for (const [name, value] of this.#values) {
      const { write } = value
      if (!write.isCounted || write.outcome !== 'ok' || write.expiresUs !== Infinity) continue
      if (value.threats > 0 || names.includes(name)) continue
      throw new Violation(
        'lost',
        `the write of ${name} was acknowledged and never replaced, but ${name} is missing`,
        this.name,
      )
    }
  }

  /** Racing writes only replace each other. Only a delete or an expiry can leave the key absent. */
  #checkPresent(names: readonly string[], startUs: number): void {
    if (names.length > 0 || this.#ends > 0 || this.#lastingUs >= startUs) return
    throw new Violation(
      'lost',
      'the key was written and never deleted, but a read found it absent',
      this.name,
    )
  }

  /** When the write of a value began; undefined if nobody wrote it. */
  begunUs(name: string): number | undefined {
    return this.#values.get(name)?.write.startUs
  }

  #rejected(write: Write): void {
    if (write.value === undefined || write.expiresUs !== Infinity) this.#ends--
    for (const value of this.#threatened(write)) value.threats--
    if (write.replaced === undefined) this.#blind = this.#blind.filter((blind) => blind !== write)
    for (const value of this.#values.values()) {
      // The rejected write threatened values whose writes began while it was under way.
      if (write.replaced === undefined && value.write.startUs > write.startUs) value.threats--
    }
    if (write.value === undefined) return
    if (this.#values.get(write.value)?.wasSeen === true) {
      throw new Violation(
        'rejected',
        `the write of ${write.value} was rejected after a read had returned it`,
        this.name,
      )
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

  /** Forgets values that have been gone for long. If one is read again, it counts as never written. */
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
