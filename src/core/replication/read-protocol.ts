/**
 * Decides one client's read at its coordinator: which owners to ask and to repair, and when to answer.
 *
 * The first owner is asked for its full copy, and the others for their version only. If versions differ, the full
 * copies that are missing are fetched, and all copies are merged.
 *
 * Invariant: at a level that waits for R > 1 owners, R owners of each group hold the answer durably when it is given. A
 * later read of R owners meets one of them, so it cannot return an older value.
 *
 * If the owners differ and the laggards cannot be repaired, for example because their disks are full, the read answers
 * with a copy that R owners hold, as if it had asked only those. This may leave out a write that no majority has stored.
 * Such a write is not completed, so the read may precede it.
 *
 * This class is pure: each event returns the effects that the driver has to carry out, in order. Replies may come in any
 * order.
 */
import { assert } from '../assert.ts'
import { allOwners, everyGroup, leastCount, type OwnerGroups } from '../quorum/owner-groups.ts'
import type { CopyRules, Found } from './copy-rules.ts'
import { OwnerCopies } from './owner-copies.ts'

export interface ReadPlan {
  /** The owners of the key; while it moves, the next owners are a second group. Their copies alone never suffice. */
  readonly groups: OwnerGroups
  /** R: the number of answers needed in each group. */
  readonly required: number
  /** Whether hints at fallbacks count like copies of owners. A sloppy read repairs nobody before its answer. */
  readonly sloppy: boolean
  /** The owners that are expected to answer soon, in the order in which they are asked. */
  readonly near: readonly string[]
  /** Owners that have been silent for a moment. They are asked last, and the read does not wait for them. */
  readonly silent: readonly string[]
}

export type ReadEffect<C> =
  /** Ask the owner for its full copy. */
  | { readonly type: 'ask-copy'; readonly owner: string }
  /** Ask the owner for its version only. */
  | { readonly type: 'ask-version'; readonly owner: string }
  /** Ask every fallback in reach for its hints. */
  | { readonly type: 'ask-fallbacks' }
  /** Merge `copy` into the owner's copy. A damaged record may be replaced only by what a majority of the owners holds. */
  | {
      readonly type: 'repair'
      readonly owner: string
      readonly copy: C
      readonly mayReplaceDamaged: boolean
    }
  /** Call `hedge` after the hedge delay. */
  | { readonly type: 'hedge-later' }
  /** Call `halfTime` when half of the time to the deadline has passed. */
  | { readonly type: 'half-time-later' }
  | { readonly type: 'answer'; readonly copy: C | undefined; readonly got: number }
  | { readonly type: 'fail'; readonly reason: ReadFailure; readonly got: number }

/**
 * `out-of-reach`: too few owners are believed to be in reach, and nobody was asked. `too-few`: too few answered.
 * `differ`: the owners differ, and could not be repaired. `late`: the deadline has passed.
 */
export type ReadFailure = 'out-of-reach' | 'too-few' | 'differ' | 'late'

export class ReadProtocol<C, V> {
  readonly copies: OwnerCopies<C, V>
  readonly #plan: ReadPlan
  readonly #rules: CopyRules<C, V>
  /** The owners, in the order in which they are asked. */
  readonly #candidates: readonly string[]
  /** Number of candidates that have been asked. */
  #asked = 0
  /** Owners that count no more: they did not answer, their answer was not usable, or their repair failed. */
  readonly #lost = new Set<string>()
  /** Owners whose full copy is being fetched, because their version differs. */
  readonly #fetching = new Set<string>()
  /** Owners that are being repaired. */
  readonly #repairing = new Set<string>()
  /** Owners whose repair failed since the repair began. */
  #unrepaired: string[] = []
  #fallbacks: 'unasked' | 'waiting' | 'done' = 'unasked'
  /** Fallbacks that have not answered. */
  #openFallbacks = 0
  /** The hints that fallbacks keep, merged; undefined before the first. */
  #kept: C | undefined
  /** Number of fallbacks whose answers count. */
  #hinted = 0
  /** Number of fallbacks that keep no hint for the key. This says little about a key whose owners are only slow. */
  #withoutHint = 0
  #isOver = false
  #out: ReadEffect<C>[] = []

  constructor(plan: ReadPlan, rules: CopyRules<C, V>) {
    assert(plan.required >= 1, 'a read needs an answer')
    this.#plan = plan
    this.#rules = rules
    this.#candidates = [...plan.near, ...plan.silent]
    this.copies = new OwnerCopies(rules)
  }

  start(): readonly ReadEffect<C>[] {
    const { groups, required, sloppy, near } = this.#plan
    const enough = everyGroup(groups, required, (owner) => near.includes(owner))
    if (!enough && !sloppy) {
      this.#fail('out-of-reach')
      return this.#effects()
    }
    if (!enough) this.#askFallbacks()
    // While the key moves, the fastest owners may not include R owners of each group. So all of them are asked.
    const mayWait = enough && groups.length === 1
    this.#askMore(mayWait ? required : this.#candidates.length)
    if (this.#asked < this.#candidates.length) this.#out.push(HEDGE_LATER)
    // The owners may be cut off without this node having noticed. So a sloppy read asks the fallbacks at half time.
    if (sloppy && enough) this.#out.push(HALF_TIME_LATER)
    return this.#effects()
  }

  /** The owner has answered with its version, and with its copy if it was asked for that. */
  found(owner: string, found: Found<C, V>): readonly ReadEffect<C>[] {
    this.#fetching.delete(owner)
    // A late answer is kept too: the comparison after the answer uses it (late-repair.ts).
    this.copies.take(owner, found)
    return this.#go()
  }

  /** The owner has not answered, or with nothing usable. `isDamaged`: its record cannot be read. */
  failed(owner: string, isDamaged: boolean): readonly ReadEffect<C>[] {
    if (this.#fetching.delete(owner)) this.copies.lose(owner)
    else if (isDamaged) this.copies.markDamaged(owner)
    this.#lost.add(owner)
    if (!this.#isOver) this.#askMore(this.#asked + 1)
    return this.#go()
  }

  /** The driver has asked this many fallbacks for their hints. */
  fallbacksAsked(count: number): readonly ReadEffect<C>[] {
    assert(this.#fallbacks === 'waiting', 'the fallbacks are asked once')
    this.#openFallbacks = count
    if (count === 0) this.#fallbacks = 'done'
    return this.#go()
  }

  /** A fallback's hints for the key, merged; undefined if it has not answered. */
  hinted(copy: C | undefined): readonly ReadEffect<C>[] {
    assert(this.#openFallbacks > 0, 'a fallback answers once')
    this.#openFallbacks--
    if (copy !== undefined) {
      if (this.#rules.isAbsent(copy)) this.#withoutHint++
      else this.#hinted++
      this.#kept = this.#kept === undefined ? copy : this.#rules.merge(this.#kept, copy)
    }
    // Wait for all fallbacks, because each one keeps only the writes for which it stood in.
    if (this.#openFallbacks > 0 || this.#isOver) return NOTHING
    this.#fallbacks = 'done'
    if (this.#kept !== undefined) this.copies.merge(this.#kept)
    return this.#go()
  }

  /** The repair of the owner has ended. `copy`: what the owner now holds durably; undefined if the repair failed. */
  repaired(owner: string, copy: C | undefined): readonly ReadEffect<C>[] {
    this.#repairing.delete(owner)
    if (copy !== undefined) this.copies.markRepaired(owner, copy)
    else this.#unrepaired.push(owner)
    if (this.#isOver) return NOTHING
    if (this.#isEnough(this.copies.holders())) this.#answer()
    else if (this.#repairing.size === 0) this.#goOnWithoutUnrepaired()
    return this.#effects()
  }

  /** The hedge delay has passed: asks the owners not yet asked too. */
  hedge(): readonly ReadEffect<C>[] {
    if (!this.#isOver) this.#askMore(this.#candidates.length)
    return this.#effects()
  }

  /** Half of the time has passed: a sloppy read asks the fallbacks too, if owners are still missing. */
  halfTime(): readonly ReadEffect<C>[] {
    if (!this.#isOver && this.#counted() < this.#plan.required) this.#askFallbacks()
    return this.#effects()
  }

  /** The deadline has passed: answers with what there is, or fails. */
  expire(): readonly ReadEffect<C>[] {
    if (this.#isOver) return NOTHING
    if (this.#plan.sloppy && this.#fallbacks === 'done' && !this.#isBusy()) {
      this.#countFallbacksWithoutHint()
      this.#advance()
      if (this.#isOver || this.#isBusy()) return this.#effects()
    }
    if (!this.#answerHeldByEnough()) this.#fail('late')
    return this.#effects()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Number of fallbacks whose hints count. */
  get hints(): number {
    return this.#hinted
  }

  /** Number of answers that count, in the group with the fewest. */
  get got(): number {
    return this.#counted() + this.#hinted
  }

  /** Owners that the read has not asked. Silent ones are left out, because waiting for them would delay a repair. */
  get unasked(): readonly string[] {
    return this.#candidates.slice(this.#asked).filter((owner) => !this.#plan.silent.includes(owner))
  }

  /** Whether a damaged record may be replaced: the merged copy contains what a majority of the present owners holds. */
  get mayReplaceDamaged(): boolean {
    const [owners] = this.#plan.groups as [readonly string[]]
    return owners.filter((owner) => this.copies.isIncluded(owner)).length * 2 > owners.length
  }

  #go(): readonly ReadEffect<C>[] {
    this.#advance()
    return this.#effects()
  }

  #effects(): readonly ReadEffect<C>[] {
    if (this.#out.length === 0) return NOTHING
    const out = this.#out
    this.#out = []
    return out
  }

  #askMore(upTo: number): void {
    while (this.#asked < Math.min(upTo, this.#candidates.length)) {
      const owner = this.#candidates[this.#asked++] as string
      // Once an owner has failed, the next ones are asked for their full copies too.
      const type = this.#asked === 1 || this.#lost.size > 0 ? 'ask-copy' : 'ask-version'
      this.#out.push({ type, owner })
    }
  }

  #askFallbacks(): void {
    if (this.#fallbacks !== 'unasked') return
    this.#fallbacks = 'waiting'
    this.#out.push(ASK_FALLBACKS)
  }

  /** Takes the next step once enough nodes have answered: fetches missing copies, repairs laggards, or answers. */
  #advance(): void {
    if (this.#isOver || this.#isBusy()) return
    const { required, sloppy, silent } = this.#plan
    if (this.#counted() < required) {
      if (this.#fallbacks === 'waiting') return
      const open = this.#candidates.filter((owner) => !this.#hasEnded(owner))
      const isNearOver = open.every((owner) => silent.includes(owner))
      if (isNearOver && sloppy && this.#fallbacks === 'unasked') {
        this.#askFallbacks()
        return
      }
      // Once an owner has answered, the read does not wait for the silent ones.
      if (open.length === 0 || (isNearOver && this.#counted() > 0))
        this.#countFallbacksWithoutHint()
      if (this.got < required) {
        if (open.length === 0) this.#fail('too-few')
        return
      }
    }
    const lacking = this.copies.lacking()
    if (lacking.length > 0) this.#fetch(lacking)
    else if (this.#isRepairedFirst()) this.#repairThenAnswer()
    else this.#answer()
  }

  /** While a fetch or a repair is in progress, nothing else starts. */
  #isBusy(): boolean {
    return this.#fetching.size > 0 || this.#repairing.size > 0
  }

  #isRepairedFirst(): boolean {
    const { required, groups, sloppy } = this.#plan
    return (required > 1 || groups.length > 1) && !sloppy
  }

  /** Number of owners that have answered, in the group with the fewest. */
  #counted(): number {
    return leastCount(this.#plan.groups, (owner) => this.copies.has(owner))
  }

  #isEnough(holders: ReadonlySet<string>): boolean {
    const { groups, required } = this.#plan
    return everyGroup(groups, required, (owner) => holders.has(owner))
  }

  /** A fallback without a hint counts as an answer only once the read does not wait for any owner. */
  #countFallbacksWithoutHint(): void {
    this.#hinted += this.#withoutHint
    this.#withoutHint = 0
  }

  #hasEnded(owner: string): boolean {
    return this.copies.has(owner) || this.#lost.has(owner)
  }

  #fetch(owners: readonly string[]): void {
    for (const owner of owners) {
      this.#fetching.add(owner)
      this.#out.push({ type: 'ask-copy', owner })
    }
  }

  /** Makes R owners hold the merged copy, then answers. */
  #repairThenAnswer(): void {
    const copy = this.copies.merged as C
    if (this.#isEnough(this.copies.holders())) {
      this.#answer()
      return
    }
    const { mayReplaceDamaged } = this
    for (const owner of this.copies.laggards()) {
      this.#repairing.add(owner)
      this.#out.push({ type: 'repair', owner, copy, mayReplaceDamaged })
    }
  }

  /** Continues after failed repairs, for example because of full disks: further owners may hold the merged copy. */
  #goOnWithoutUnrepaired(): void {
    const unrepaired = this.#unrepaired
    this.#unrepaired = []
    for (const owner of unrepaired) {
      this.copies.markUnrepaired(owner)
      this.#lost.add(owner)
    }
    if (this.#candidates.every((owner) => this.#hasEnded(owner))) {
      if (!this.#answerHeldByEnough()) this.#fail('differ')
      return
    }
    this.#askMore(this.#asked + unrepaired.length)
    this.#advance()
  }

  /** Answers the read with a copy that R owners hold. Returns false if there is none. */
  #answerHeldByEnough(): boolean {
    if (!this.#isRepairedFirst()) return false
    const held = this.copies.heldByEnough((owners) => this.#isEnough(owners))
    if (held === undefined) return false
    const got = leastCount(this.#plan.groups, (owner) => held.owners.has(owner))
    this.#end({ type: 'answer', copy: held.copy, got })
    return true
  }

  #answer(): void {
    this.#end({ type: 'answer', copy: this.copies.merged, got: this.got })
  }

  #fail(reason: ReadFailure): void {
    this.#end({ type: 'fail', reason, got: this.got })
  }

  #end(effect: ReadEffect<C>): void {
    assert(!this.#isOver, 'a read ends once')
    this.#isOver = true
    this.#out.push(effect)
  }
}

/** The owners of the plan that are not asked: those out of reach. */
export function ownersOutOfReach({ groups, near, silent }: ReadPlan): readonly string[] {
  return allOwners(groups).filter((owner) => !near.includes(owner) && !silent.includes(owner))
}

const NOTHING: readonly never[] = []
const ASK_FALLBACKS = { type: 'ask-fallbacks' } as const
const HEDGE_LATER = { type: 'hedge-later' } as const
const HALF_TIME_LATER = { type: 'half-time-later' } as const
