/**
 * Turns an order of blocks (unique-values.ts) into an order of operations. Each operation takes effect as early as the
 * blocks allow.
 *
 * A failed compare-and-set needs a moment at which the register holds another value than the one it avoids. If the
 * register holds that value all the time, two changes may make room: the value is given only after the compare-and-set
 * began, or another block moves directly behind the block of the value. No verdict relies on these changes, because the
 * order is checked in the end.
 */
import { type Clusters, NONE } from './clusters.ts'
import { ANY, type Problem, SAME } from './search-problem.ts'

/** After so many rounds of moving blocks the problem stays undecided. */
const ROUNDS_MAX = 8
/** A block comes forward past so many others. */
const PASSED_MAX = 8
/** So many operations are considered as the beginning of the block that moves. */
const CANDIDATES_MAX = 256

/** Undefined if a failed compare-and-set has no place. `heads` are the first clusters of the blocks, in order. */
export function orderOf(
  problem: Problem,
  clusters: Clusters,
  heads: Int32Array,
): Int32Array | undefined {
  const order = new BlockOrder(problem, clusters, heads)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    order.layOut()
    const progress = order.settle()
    if (progress === 'settled') return order.written()
    if (progress === 'stuck') return undefined
  }
  return undefined
}

class BlockOrder {
  readonly #problem: Problem
  readonly #clusters: Clusters
  /** The blocks as a list: for each head the next one and the one before. It begins with the initial value. */
  readonly #next: Int32Array
  readonly #before: Int32Array
  readonly #isMoved: Int32Array
  /** For each cluster an event before which it must not begin. */
  readonly #notBefore: Int32Array
  /** The clusters in order, and for each place the earliest begin and the head of the block. */
  readonly #sequence: Int32Array
  readonly #begins: Int32Array
  readonly #headAt: Int32Array
  #length = 0
  /** For each head its place; NONE for operations that are left out. */
  readonly #placeOf: Int32Array
  /** For each operation that changes nothing, the cluster in which it takes effect. */
  readonly #home: Int32Array
  #settled = 0

  constructor(problem: Problem, clusters: Clusters, heads: Int32Array) {
    const { count, scratch } = problem
    this.#problem = problem
    this.#clusters = clusters
    this.#next = scratch.lend(count + 1, NONE)
    this.#before = scratch.lend(count + 1, NONE)
    this.#isMoved = scratch.lend(count)
    this.#notBefore = scratch.lend(count + 1, -1)
    this.#sequence = scratch.lend(count + 1)
    this.#begins = scratch.lend(count + 1)
    this.#headAt = scratch.lend(count + 1)
    this.#placeOf = scratch.lend(count + 1, NONE)
    this.#home = scratch.lend(count, NONE)
    for (let i = 1; i < heads.length; i++) this.#insert(heads[i] as number, heads[i - 1] as number)
  }

  #insert(head: number, behind: number): void {
    const next = this.#next[behind] as number
    this.#next[behind] = head
    this.#before[head] = behind
    this.#next[head] = next
    if (next !== NONE) this.#before[next] = head
  }

  #remove(head: number): void {
    const [before, next] = [this.#before[head] as number, this.#next[head] as number]
    this.#next[before] = next
    if (next !== NONE) this.#before[next] = before
  }

  /** Puts the clusters into the order of the blocks. */
  layOut(): void {
    const { count } = this.#problem
    const { invokedAt, lastNeed, successor } = this.#clusters
    let place = 0
    let now = -1
    for (let head = count; head !== NONE; head = this.#next[head] as number) {
      this.#placeOf[head] = place
      for (let cluster = head; cluster !== NONE; cluster = successor[cluster] as number) {
        if (cluster !== count) now = Math.max(now, invokedAt[cluster] as number)
        now = Math.max(now, this.#notBefore[cluster] as number)
        this.#sequence[place] = cluster
        this.#begins[place] = now
        this.#headAt[place] = head
        place++
        now = Math.max(now, lastNeed[cluster] as number)
      }
    }
    this.#length = place
  }

  /** Gives each operation that changes nothing its cluster. If one has no place, it changes the order of the blocks. */
  settle(): 'settled' | 'changed' | 'stuck' {
    const { count, needs, avoids, gives } = this.#problem
    const { byState, shownBy, invokedAt } = this.#clusters
    const begins = this.#begins
    let hasAll = true
    let changedAt = NONE
    let place = 0
    this.#settled = 0
    for (let op = 0; op < count; op++) {
      if (shownBy[op] === NONE || gives[op] !== SAME) continue
      this.#settled++
      if (needs[op] !== ANY) {
        this.#home[op] = byState[needs[op] as number] as number
        continue
      }
      const start = invokedAt[op] as number
      while (place + 1 < this.#length && (begins[place + 1] as number) < start) place++
      const at = this.#placeAvoiding(avoids[op] as number, op, place)
      if (at !== NONE) {
        this.#home[op] = this.#sequence[at] as number
        continue
      }
      hasAll = false
      // One change at a place in a round: it may make room for the next operation, too.
      if (place === changedAt || this.#delay(op, place) || this.#moveBehind(op, place)) {
        changedAt = place
      }
    }
    if (hasAll) return 'settled'
    return changedAt === NONE ? 'stuck' : 'changed'
  }

  /** A place with another value than the avoided one; NONE if there is none. `from` begins before the operation. */
  #placeAvoiding(avoided: number, op: number, from: number): number {
    const end = this.#clusters.returnAt[op] as number
    for (let at = from; at < this.#length; at++) {
      if (at > from && (this.#begins[at] as number) > end) return NONE
      if (this.#valueAt(at) !== avoided) return at
    }
    return NONE
  }

  #valueAt(place: number): number {
    const { count, gives, initial } = this.#problem
    const cluster = this.#sequence[place] as number
    return (cluster === count ? initial[0] : gives[cluster]) as number
  }

  /** Lets the value at `place` be given only after the operation began, if that is possible. */
  #delay(op: number, place: number): boolean {
    const { invokedAt, firstReturn } = this.#clusters
    const cluster = this.#sequence[place] as number
    const start = invokedAt[op] as number
    if (place === 0 || (firstReturn[cluster] as number) < start) return false
    if (this.#valueAt(place - 1) === this.#problem.avoids[op]) return false
    if ((this.#notBefore[cluster] as number) >= start) return false
    this.#notBefore[cluster] = start
    return true
  }

  /** Moves a block behind the one at `place`, so that the operation can take effect in it. */
  #moveBehind(op: number, place: number): boolean {
    const { events, needs, avoids, gives } = this.#problem
    const { returnAt, lastNeed, successor } = this.#clusters
    const cluster = this.#sequence[place] as number
    const end = Math.max(this.#begins[place] as number, lastNeed[cluster] as number)
    let at = returnAt[op] as number
    if (successor[cluster] !== NONE || end > at) return false
    // The last operation that began before this one returned.
    while ((events[at] as number) < 0) at--
    const last = events[at] as number
    for (let head = last; head >= Math.max(0, last - CANDIDATES_MAX); head--) {
      const isHead = gives[head] !== SAME && needs[head] === ANY
      if (!isHead || gives[head] === avoids[op] || this.#isMoved[head] === 1) continue
      if (this.#headAt[place] === head || !this.#canFollow(head, place, end)) continue
      this.#isMoved[head] = 1
      if (this.#placeOf[head] !== NONE) this.#remove(head)
      this.#insert(head, this.#headAt[place] as number)
      return true
    }
    return false
  }

  /** Whether the block can come directly behind the one at `place`, which lasts until the event `end`. */
  #canFollow(head: number, place: number, end: number): boolean {
    if ((this.#placeOf[head] as number) < place) return this.#isOpenAfter(head, end)
    // It comes forward, so the blocks between must be able to come after it.
    const last = this.#lastInvocation(head)
    let other = this.#before[head] as number
    for (let passed = 0; other !== this.#headAt[place]; passed++) {
      if (passed === PASSED_MAX || other === NONE || !this.#isOpenAfter(other, last)) return false
      other = this.#before[other] as number
    }
    return true
  }

  #lastInvocation(head: number): number {
    const { invokedAt, lastNeed, successor } = this.#clusters
    let last = invokedAt[head] as number
    for (let cluster = head; cluster !== NONE; cluster = successor[cluster] as number) {
      last = Math.max(last, lastNeed[cluster] as number)
    }
    return last
  }

  /** Whether all operations of the block return after the event. */
  #isOpenAfter(head: number, event: number): boolean {
    const { firstReturn, successor } = this.#clusters
    for (let cluster = head; cluster !== NONE; cluster = successor[cluster] as number) {
      if ((firstReturn[cluster] as number) < event) return false
    }
    return true
  }

  written(): Int32Array {
    const { count, scratch } = this.#problem
    const firstIn = scratch.lend(count + 1, NONE)
    const nextIn = scratch.lend(count)
    for (let op = count - 1; op >= 0; op--) {
      const cluster = this.#home[op] as number
      if (cluster === NONE) continue
      nextIn[op] = firstIn[cluster] as number
      firstIn[cluster] = op
    }
    const order = scratch.lend(this.#length - 1 + this.#settled)
    let ordered = 0
    for (let place = 0; place < this.#length; place++) {
      const cluster = this.#sequence[place] as number
      if (cluster !== count) order[ordered++] = cluster
      for (let op = firstIn[cluster] as number; op !== NONE; op = nextIn[op] as number) {
        order[ordered++] = op
      }
    }
    return order
  }
}
