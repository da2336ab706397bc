/**
 * What clients know about one key of a last-writer-wins bucket. Two writes are ordered only if one ended before the
 * other began. A quorum write that completed before another quorum write began never shadows it. (A write of a weaker
 * level that got its timestamp from a fast clock may: the mode allows that.) Quorum reads never go back: their
 * timestamps only rise.
 */
import type { Write } from './key-history.ts'
import { Violation } from './violation.ts'

const FLOORS_MAX = 1000

interface Floor {
  readonly startUs: number
  readonly knownUs: number
  readonly what: string
}

export class RegisterHistory {
  readonly name: string
  readonly #writes = new Map<string, Write>()
  /** An empty read may be the result of any of these. */
  #deletes: Write[] = []
  readonly #seen = new Set<string>()
  /** The latest start of an acknowledged quorum write, and when it became known; one entry for each change. */
  readonly #floors: Floor[] = []
  /** The highest timestamp that a quorum read returned, and when it became known; one entry for each change. */
  readonly #stamps: { readonly timestamp: number; readonly knownUs: number }[] = []

  constructor(name: string) {
    this.name = name
  }

  begin(write: Write): void {
    if (write.value === undefined) this.#deletes.push(write)
    else this.#writes.set(write.value, write)
  }

  end(write: Write, outcome: 'ok' | 'rejected' | 'unknown', nowUs: number): void {
    write.outcome = outcome
    write.endUs = outcome === 'unknown' ? Infinity : nowUs
    if (outcome === 'rejected') {
      this.#deletes = this.#deletes.filter((other) => other !== write)
      if (write.value !== undefined && this.#seen.has(write.value)) {
        throw new Violation(
          'rejected',
          `the write of ${write.value} was rejected after a read had returned it`,
          this.name,
        )
      }
    }
    if (outcome === 'ok' && write.isQuorum) this.#raise(write, nowUs)
  }

  seen(names: readonly string[]): void {
    for (const name of names) {
      const write = this.#writes.get(name)
      if (write === undefined) {
        throw new Violation('invented', `a read returned ${name}, but nobody wrote it`, this.name)
      }
      if (write.outcome === 'rejected') {
        throw new Violation(
          'rejected',
          `a read returned ${name}, but its write was rejected`,
          this.name,
        )
      }
      this.#seen.add(name)
    }
  }

  seenAtQuorum(names: readonly string[], startUs: number): void {
    this.seen(names)
    const floor = this.#floors.findLast(({ knownUs }) => knownUs < startUs)
    if (floor === undefined) return
    const [name] = names
    const candidates = name === undefined ? this.#deletes : [this.#writes.get(name) as Write]
    const isOlder = ({ isQuorum, endUs }: Write): boolean => isQuorum && endUs < floor.startUs
    if (!candidates.every(isOlder)) return
    const found = name === undefined ? 'no value' : name
    throw new Violation(
      'quorum-read',
      `stale read: a quorum read returned ${found}, but ${floor.what} had been acknowledged before the read began`,
      this.name,
    )
  }

  begunUs(name: string): number | undefined {
    return this.#writes.get(name)?.startUs
  }

  /** Takes the timestamp of the value that a quorum read returned. */
  stampedAtQuorum(timestamp: number, startUs: number, nowUs: number): void {
    const last = this.#stamps.findLast(({ knownUs }) => knownUs < startUs)
    if (last !== undefined && timestamp < last.timestamp) {
      throw new Violation(
        'quorum-read',
        `a quorum read returned a value with timestamp ${timestamp}, but an earlier quorum read had returned timestamp ${last.timestamp}`,
        this.name,
      )
    }
    if (timestamp <= (this.#stamps.at(-1)?.timestamp ?? 0)) return
    this.#stamps.push({ timestamp, knownUs: nowUs })
    if (this.#stamps.length > FLOORS_MAX) this.#stamps.shift()
  }

  seenAtRest(names: readonly string[], nowUs: number): void {
    this.seenAtQuorum(names, nowUs)
  }

  #raise(write: Write, knownUs: number): void {
    const last = this.#floors.at(-1)
    if (last !== undefined && last.startUs >= write.startUs) return
    this.#floors.push({
      startUs: write.startUs,
      knownUs,
      what: write.value === undefined ? 'a later delete' : `the later write of ${write.value}`,
    })
    if (this.#floors.length > FLOORS_MAX) this.#floors.shift()
  }
}
