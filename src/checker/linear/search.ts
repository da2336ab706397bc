/**
 * Decides linearizability (Herlihy, Wing 1990): whether the operations on one object have an order that respects real
 * time and the object's rules. It uses the search of Wing and Gong (1993), with Lowe's memory of configurations tried
 * in vain ("Testing for linearizability", 2017) and his just-in-time rule: an operation is linearized only when it
 * returns, or when a returning operation must come after it.
 *
 * The search walks along the events. Its configuration is the state and the set of open operations that are already
 * linearized. The following rules keep the search small. Each is sound, because any order that it excludes can be
 * turned into an order that it allows:
 *
 * - An operation that changes nothing and can take effect now is linearized at once.
 * - Of open operations that do the same, the one that returns first is taken.
 * - A write whose value no operation will see is linearized directly before another write.
 * - A state is not left while an operation must still see it and no operation will give it again.
 * - A crashed operation is linearized only if an open operation needs the state that it gives. Of crashed operations
 *   that
 *   do the same, the first is taken.
 */
import { ANY, FOLLOWS, type Problem, SAME, type StateId } from './search-problem.ts'
import { classesOf } from './classes.ts'
import { Memo } from './memo.ts'
import { type CrashedWrites, crashedWritesOf } from './crashed-writes.ts'
import { NumberSets } from './number-sets.ts'
import type { DeadEnd, Limits, Outcome } from './outcome.ts'
import { type Supply, supplyOf } from './supply.ts'
import { type Timeline, timelineOf } from './timeline.ts'
import { doubled } from './whole-numbers.ts'

const STEPS_A_LOOK = 8192
/** After so many configurations tried in vain, computing the supply (supply.ts) pays off. */
const VAIN_BEFORE_SUPPLY = 64

export function search(problem: Problem, limits: Limits): Outcome {
  let best: Outcome | undefined
  const classes = classesOf(problem)
  for (const initial of problem.initial) {
    const outcome = new Search(problem, classes, initial, limits).run()
    if (outcome.type !== 'not-linearizable') return outcome
    if (best?.type !== 'not-linearizable' || outcome.event > best.event) best = outcome
  }
  if (best === undefined) throw new Error('a problem without a state to begin with')
  return best
}

class Search {
  readonly #problem: Problem
  /** For each operation its class (classes.ts). */
  readonly #classes: Int32Array
  readonly #limits: Limits
  readonly #initial: StateId
  readonly #timeline: Timeline
  readonly #words: number
  /** For each slot the open operation; -1 if the slot is free. */
  readonly #open: Int32Array
  readonly #absorbs: boolean
  readonly #crashed: CrashedWrites
  /** Computed when it is first needed. */
  #supply: Supply | undefined
  /** The last invoked operation. All operations up to this number have been invoked. */
  #lastInvoked = -1
  readonly #memo: Memo
  readonly #row: Int32Array
  readonly #seen: Int32Array
  #stamp = 0

  #event = 0
  #state: StateId
  /** A bit for each slot: whether its open operation is linearized. */
  readonly #mask: Int32Array
  /** The set of linearized crashed operations; interned, so that one number in a configuration identifies it. */
  #used = 0
  readonly #usedSets = new NumberSets()
  readonly #order: Int32Array
  #ordered = 0

  /** The stack of choices, one row each: event, state, used, ordered, first and next candidate, mask. */
  #choices: Int32Array
  #depth = 0
  readonly #width: number
  /** The candidates of all choices, one after the other. */
  readonly #candidates: number[] = []

  #deadEnd: DeadEnd | undefined
  #steps = 0

  constructor(problem: Problem, classes: Int32Array, initial: StateId, limits: Limits) {
    this.#problem = problem
    this.#classes = classes
    this.#limits = limits
    this.#initial = initial
    this.#timeline = timelineOf(problem, initial)
    this.#crashed = crashedWritesOf(problem, this.#timeline.lastNeed)
    this.#absorbs = !problem.gives.includes(FOLLOWS)
    const { slotCount } = this.#timeline
    this.#words = Math.max(1, Math.ceil(slotCount / 32))
    this.#open = new Int32Array(this.#words * 32).fill(-1)
    this.#mask = new Int32Array(this.#words)
    this.#width = 6 + this.#words
    this.#choices = new Int32Array(64 * this.#width)
    this.#row = new Int32Array(3 + this.#words)
    this.#memo = new Memo(3 + this.#words, limits.memoBytesMax)
    this.#seen = new Int32Array(problem.count + 1)
    this.#order = new Int32Array(problem.count)
    this.#state = initial
  }

  run(): Outcome {
    const { events } = this.#problem
    while (this.#event < events.length) {
      if (this.#isLate()) return { type: 'unknown', why: 'time' }
      const event = events[this.#event] as number
      if (event >= 0) this.#invoke(event)
      else if (!this.#return(~event)) {
        this.#beginChoice(~event)
        const next = this.#nextCandidate()
        if (next !== 'taken') return next
      }
    }
    return { type: 'linearizable', order: this.#order.subarray(0, this.#ordered) }
  }

  #isLate(): boolean {
    return ++this.#steps % STEPS_A_LOOK === 0 && this.#limits.nowMs() > this.#limits.deadlineMs
  }

  #invoke(op: number): void {
    this.#event++
    this.#lastInvoked = op
    if (this.#problem.isCrashed[op] === 1) return
    this.#open[this.#timeline.slots[op] as number] = op
    if (this.#problem.gives[op] === SAME && this.#isPossible(op)) this.#put(op)
  }

  /** Returns false if the operation is not linearized yet. */
  #return(op: number): boolean {
    const slot = this.#timeline.slots[op] as number
    const bit = 1 << (slot & 31)
    const word = slot >> 5
    if (((this.#mask[word] as number) & bit) === 0) return false
    this.#mask[word] = (this.#mask[word] as number) & ~bit
    this.#open[slot] = -1
    this.#event++
    return true
  }

  /** Linearizes an open operation. The caller updates the state. */
  #put(op: number): void {
    const slot = this.#timeline.slots[op] as number
    this.#mask[slot >> 5] = (this.#mask[slot >> 5] as number) | (1 << (slot & 31))
    this.#order[this.#ordered++] = op
  }

  #isOrdered(slot: number): boolean {
    return ((this.#mask[slot >> 5] as number) & (1 << (slot & 31))) !== 0
  }

  #isPossible(op: number): boolean {
    const { needs, avoids } = this.#problem
    const state = this.#state
    return (needs[op] === ANY || needs[op] === state) && avoids[op] !== state
  }

  #beginChoice(returning: number): void {
    this.#fillRow()
    const at = this.#depth * this.#width
    if (at + this.#width > this.#choices.length) this.#choices = doubled(this.#choices)
    const choices = this.#choices
    choices[at] = this.#event
    choices[at + 1] = this.#state
    choices[at + 2] = this.#used
    choices[at + 3] = this.#ordered
    choices[at + 4] = this.#candidates.length
    choices[at + 5] = this.#candidates.length
    choices.set(this.#mask, at + 6)
    this.#depth++
    if (this.#memo.size === 0 || !this.#memo.has(this.#row)) this.#findCandidates(returning)
    if (this.#candidates.length === choices[at + 4]) this.#note(returning)
  }

  #fillRow(): void {
    this.#row[0] = this.#event
    this.#row[1] = this.#state
    this.#row[2] = this.#used
    this.#row.set(this.#mask, 3)
  }

  /** Remembers that an operation could not return at its place, if no other got further. */
  #note(op: number): void {
    const event = this.#timeline.returnAt[op] as number
    if (event > (this.#deadEnd?.event ?? -1)) this.#deadEnd = { op, event }
  }

  /** Finds the candidates in the order in which they are tried; the most likely one comes first. */
  #findCandidates(returning: number): void {
    const { needs, gives } = this.#problem
    const classes = this.#classes
    const candidates = this.#candidates
    const first = candidates.length
    const stamp = ++this.#stamp
    this.#seen[classes[returning] as number] = stamp
    if (this.#isPossible(returning)) candidates.push(returning)
    const wanted = needs[returning] as number
    const others: number[] = []
    for (let slot = 0; slot < this.#timeline.slotCount; slot++) {
      const op = this.#open[slot] as number
      if (op < 0 || op === returning || this.#isOrdered(slot)) continue
      if (gives[op] === SAME || !this.#isPossible(op)) continue
      others.push(op)
    }
    others.sort((a, b) => a - b)
    const rest: number[] = []
    for (const op of this.#firstOfEachClass(others, stamp)) {
      if (wanted !== ANY && gives[op] === wanted) candidates.push(op)
      else rest.push(op)
    }
    const helpful: number[] = []
    for (const op of this.#usableCrashed(stamp)) {
      if (wanted !== ANY && gives[op] === wanted) candidates.push(op)
      else helpful.push(op)
    }
    candidates.push(...rest, ...helpful)
    if (this.#supply !== undefined) this.#dropStarving(this.#supply, first)
    else if (this.#memo.size >= (this.#limits.vainBeforeSupply ?? VAIN_BEFORE_SUPPLY)) {
      this.#supply = supplyOf(this.#problem, this.#initial, this.#timeline.returnAt)
    }
  }

  /** Drops, from `first` on, candidates that would leave a state for good which another operation must still see. */
  #dropStarving(supply: Supply, first: number): void {
    const { needs, gives } = this.#problem
    const state = this.#state
    const waiting: number[] = []
    for (let slot = 0; slot < this.#timeline.slotCount; slot++) {
      const op = this.#open[slot] as number
      if (op < 0 || this.#isOrdered(slot)) continue
      if (gives[op] === state) return
      if (needs[op] === state) waiting.push(op)
    }
    const used = this.#usedSets.at(this.#used)
    const crashed = this.#crashed.giving.get(state) ?? []
    if (crashed.some((op) => op <= this.#lastInvoked && !used.includes(op))) return
    const [one, two] = supply.starvedWithout(state, this.#lastInvoked, waiting)
    if (one === undefined) return
    const candidates = this.#candidates
    let kept = first
    for (let at = first; at < candidates.length; at++) {
      const op = candidates[at] as number
      const starving = op === one ? two : one
      if (gives[op] !== SAME && gives[op] !== state && starving !== undefined) this.#note(starving)
      else candidates[kept++] = op
    }
    candidates.length = kept
  }

  /** Keeps, for each class, the operation that returns first. The slot order does not say which one that is. */
  #firstOfEachClass(ops: readonly number[], stamp: number): readonly number[] {
    const classes = this.#classes
    const firsts = new Map<number, number>()
    for (const op of ops) {
      const known = classes[op] as number
      if (this.#seen[known] === stamp) continue
      const first = firsts.get(known)
      if (
        first === undefined ||
        (this.#timeline.returnAt[op] as number) < (this.#timeline.returnAt[first] as number)
      )
        firsts.set(known, op)
    }
    return [...firsts.values()]
  }

  /** Crashed operations whose state an open operation, or another crashed operation, needs. */
  #usableCrashed(stamp: number): number[] {
    const usable: number[] = []
    const { giving, built, spare } = this.#crashed
    if (giving.size === 0 && spare.length === 0) return usable
    const { gives, needs, avoids } = this.#problem
    const used = this.#usedSets.at(this.#used)
    const take = (given: StateId): void => this.#takeEachClass(given, used, stamp, usable)
    let wantsAny = giving.has(FOLLOWS)
    for (let slot = 0; slot < this.#timeline.slotCount; slot++) {
      const op = this.#open[slot] as number
      if (op < 0 || this.#isOrdered(slot)) continue
      if (needs[op] !== ANY) take(needs[op] as number)
      else if (avoids[op] !== ANY || gives[op] === FOLLOWS) wantsAny = true
    }
    // A crashed operation may need the state of another crashed operation.
    for (const state of built) take(state)
    for (const given of giving.keys()) {
      if (wantsAny) this.#takeEachClass(given, used, stamp, usable)
    }
    const any = wantsAny ? spare.find((op) => !used.includes(op)) : undefined
    if (any !== undefined && any <= this.#lastInvoked) usable.push(any)
    return usable.filter((op) => gives[op] !== this.#state)
  }

  #takeEachClass(given: StateId, used: readonly number[], stamp: number, to: number[]): void {
    for (const op of this.#crashed.giving.get(given) ?? []) {
      if (op > this.#lastInvoked) break
      if (!used.includes(op) && this.#isPossible(op) && !this.#isSeen(op, stamp)) to.push(op)
    }
  }

  /** Whether an operation of this class is already a candidate. Marks the class as seen. */
  #isSeen(op: number, stamp: number): boolean {
    const known = this.#classes[op] as number
    if (this.#seen[known] === stamp) return true
    this.#seen[known] = stamp
    return false
  }

  /** Backtracks to the last choice with an untried candidate, and takes that candidate. */
  #nextCandidate(): 'taken' | Outcome {
    for (;;) {
      if (this.#isLate()) return { type: 'unknown', why: 'time' }
      if (this.#depth === 0) {
        return { type: 'not-linearizable', ...(this.#deadEnd as DeadEnd) }
      }
      const at = (this.#depth - 1) * this.#width
      const next = this.#choices[at + 5] as number
      if (next < this.#candidates.length) {
        this.#choices[at + 5] = next + 1
        if (next > (this.#choices[at + 4] as number)) this.#restore(at)
        this.#take(this.#candidates[next] as number)
        return 'taken'
      }
      this.#restore(at)
      this.#fillRow()
      if (!this.#memo.add(this.#row)) return { type: 'unknown', why: 'memory' }
      this.#candidates.length = this.#choices[at + 4] as number
      this.#depth--
    }
  }

  /** Restores the configuration at the beginning of a choice. */
  #restore(at: number): void {
    const choices = this.#choices
    const { events, isCrashed } = this.#problem
    const event = choices[at] as number
    while (this.#event > event) {
      const undone = events[--this.#event] as number
      if (undone < 0) this.#open[this.#timeline.slots[~undone] as number] = ~undone
      else {
        this.#lastInvoked = undone - 1
        if (isCrashed[undone] === 0) this.#open[this.#timeline.slots[undone] as number] = -1
      }
    }
    this.#state = choices[at + 1] as number
    this.#used = choices[at + 2] as number
    this.#ordered = choices[at + 3] as number
    this.#mask.set(choices.subarray(at + 6, at + this.#width))
  }

  #take(op: number): void {
    const { isCrashed, gives, needs, follows } = this.#problem
    const given = gives[op] as number
    if (this.#absorbs && needs[op] === ANY && given !== SAME) this.#absorbUnseen(op)
    if (isCrashed[op] === 1) {
      this.#used = this.#usedSets.with(this.#used, op)
      this.#order[this.#ordered++] = op
    } else this.#put(op)
    if (given === SAME) return
    this.#state = given === FOLLOWS ? follows(this.#state, op) : given
    this.#putUnchanging()
  }

  /** Linearizes the open operations that change nothing and can take effect now. */
  #putUnchanging(): void {
    const { gives } = this.#problem
    for (let slot = 0; slot < this.#timeline.slotCount; slot++) {
      const other = this.#open[slot] as number
      if (other < 0 || gives[other] !== SAME || this.#isOrdered(slot)) continue
      if (this.#isPossible(other)) this.#put(other)
    }
  }

  /**
   * Linearizes, before a blind write, the open blind writes whose values no operation will see. A failed
   * compare-and-set could use such a value to avoid another one, but only until the next change that is invoked after
   * the write. An open one that avoids the present state can use it here as well as later.
   */
  #absorbUnseen(write: number): void {
    const { needs, gives } = this.#problem
    const { slotCount, lastNeed, nextAvoidance, nextChange, returnAt } = this.#timeline
    const avoidance = nextAvoidance[this.#event] as number
    for (let slot = 0; slot < slotCount; slot++) {
      const op = this.#open[slot] as number
      if (op < 0 || op === write || needs[op] !== ANY || this.#isOrdered(slot)) continue
      const given = gives[op] as number
      if (given === SAME || (lastNeed[given] as number) >= this.#event) continue
      if (avoidance < (nextChange[returnAt[op] as number] as number)) continue
      this.#put(op)
      this.#state = given
      this.#putUnchanging()
    }
  }
}
