/**
 * What clients know of one key of a last-writer-wins bucket. Writes are ordered by time only where one ended
 * before the other began; a read at quorum may give any value that no completed quorum write came certainly
 * after, and never an older one than an earlier read gave.
 */
import type { Write } from './key-history.ts'
import { Violation } from './violation.ts'

const DELETED = ''

export class RegisterHistory {
  readonly name: string
  readonly #writes = new Map<string, Write>()
  /** Deletes, newest last; a read of nothing may be any of them. */
  #deletes: Write[] = []
  readonly #seen = new Set<string>()
  /** The latest beginning among the quorum writes that were acknowledged, with the time of that. */
  readonly #floors: {
    readonly startUs: number
    readonly knownUs: number
    readonly what: string
  }[] = []

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
        throw new Violation('rejected', `${write.value} was read, and then rejected`, this.name)
      }
    }
    if (outcome === 'ok' && write.isQuorum) this.#raise(write, nowUs)
  }

  seen(names: readonly string[]): void {
    for (const name of names) {
      const write = this.#writes.get(name)
      if (write === undefined) {
        throw new Violation('invented', `${name} was read, and nobody wrote it`, this.name)
      }
      if (write.outcome === 'rejected') {
        throw new Violation('rejected', `${name} was rejected, and is read`, this.name)
      }
      this.#seen.add(name)
    }
  }

  seenAtQuorum(names: readonly string[], startUs: number, nowUs: number): void {
    this.seen(names)
    const floor = this.#floors.findLast(({ knownUs }) => knownUs < startUs)
    const read = this.#writes.get(names[0] ?? DELETED)
    const candidates = read === undefined ? this.#deletes : [read]
    if (floor !== undefined && candidates.every(({ endUs }) => endUs < floor.startUs)) {
      const what = names[0] ?? 'nothing'
      throw new Violation(
        'quorum-read',
        `${what} is read, and ${floor.what} came after it`,
        this.name,
      )
    }
    // What was read at quorum once may not be followed by anything certainly older.
    if (read !== undefined) this.#raise(read, nowUs)
  }

  seenAtRest(names: readonly string[], nowUs: number): void {
    this.seenAtQuorum(names, nowUs, nowUs)
  }

  #raise(write: Write, knownUs: number): void {
    const last = this.#floors.at(-1)
    if (last !== undefined && last.startUs >= write.startUs) return
    this.#floors.push({ startUs: write.startUs, knownUs, what: write.value ?? 'a delete' })
    if (this.#floors.length > FLOORS_MAX) this.#floors.shift()
  }
}

const FLOORS_MAX = 1000
