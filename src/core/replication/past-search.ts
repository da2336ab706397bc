/**
 * Decides the search for copies of a key that cover what a session has seen of it. It asks the owners first, then the
 * fallbacks, because an acknowledged write may exist only there. All copies found are merged: together they cover at
 * least as much as each alone.
 *
 * This class is pure: each event returns the effects that the driver has to carry out, in order.
 */
import { assert } from '../assert.ts'
import type { Timestamp } from '../causality/dot.ts'
import { missingFrom } from '../causality/session.ts'
import type { MergeMode, StoredObject } from '../causality/stored-object.ts'
import type { VersionVector } from '../causality/version-vector.ts'
import { allOwners, leastCount, type OwnerGroups } from '../quorum/owner-groups.ts'
import type { CopyRules } from './copy-rules.ts'
import { OwnerCopies } from './owner-copies.ts'

export interface SearchPlan {
  /** The owners of the key; while it moves, the next owners are a second group. */
  readonly groups: OwnerGroups
  readonly fallbacks: readonly string[]
  readonly mode: MergeMode
  /** The versions of the key that the session has seen. */
  readonly past: VersionVector
  readonly wanted: OwnersWanted
}

/** How many owners must tell what they hold. */
export interface OwnersWanted {
  /** `whole`: only copies that contain everything settled count; a copy that is being refilled does not. */
  readonly kind: 'any' | 'whole'
  readonly least: number
  /** The search waits for this many owners until the hedge delay has passed. */
  readonly best: number
}

/** One owner's answer. */
export interface OwnersCopy<C> {
  readonly copy: C
  /** The owner may have forgotten what is at or below this timestamp, because it is settled. */
  readonly horizon: Timestamp
  readonly isWhole: boolean
}

export type SearchEffect =
  | { readonly type: 'fetch'; readonly owner: string }
  | { readonly type: 'ask-hints'; readonly node: string }
  /** The past is covered, and the wanted number of owners has answered. */
  | { readonly type: 'covered' }
  /** `silent`: the nodes that were asked and did not answer. `isMissing`: a part of the past was found nowhere. */
  | { readonly type: 'fail'; readonly silent: readonly string[]; readonly isMissing: boolean }

export class PastSearch<C extends { readonly object: StoredObject }, V> {
  /** After the end, a late answer may show one more holder of the merged copy, but never changes that copy. */
  readonly copies: OwnerCopies<C, V>
  readonly #plan: SearchPlan
  readonly #rules: CopyRules<C, V>
  readonly #owners: readonly string[]
  #missing: VersionVector
  readonly #heard = new Set<string>()
  /** Owners whose answers count. */
  readonly #counted = new Set<string>()
  /** Asks that have not ended. */
  #open = 0
  #fallbacksAsked = false
  #waitsForBest = true
  #isOver = false

  constructor(plan: SearchPlan, rules: CopyRules<C, V>) {
    assert(plan.wanted.least <= plan.wanted.best, 'the least is at most the best')
    this.#plan = plan
    this.#rules = rules
    this.#owners = allOwners(plan.groups)
    this.#missing = plan.past
    this.copies = new OwnerCopies(rules)
  }

  start(): readonly SearchEffect[] {
    this.#open = this.#owners.length
    return this.#owners.map((owner) => ({ type: 'fetch', owner }))
  }

  found(owner: string, { copy, horizon, isWhole }: OwnersCopy<C>): readonly SearchEffect[] {
    const version = this.#rules.versionOf(copy)
    if (this.#isOver) {
      if (this.copies.isMerged(version)) this.copies.take(owner, { version, copy })
      return NOTHING
    }
    this.#heard.add(owner)
    // A next owner counts although it lacks settled copies: its group only has to show the writes made during the move.
    const isNextOwner = this.#plan.groups[0]?.includes(owner) !== true
    if (isWhole || isNextOwner || this.#plan.wanted.kind === 'any') this.#counted.add(owner)
    this.copies.take(owner, { version, copy })
    this.#removeCovered(copy, horizon)
    return this.#ended()
  }

  /** The hints that a fallback keeps for the key, merged. */
  hinted(node: string, copy: C): readonly SearchEffect[] {
    if (this.#isOver) return NOTHING
    this.#heard.add(node)
    if (!this.#rules.isAbsent(copy)) {
      this.copies.merge(copy)
      this.#removeCovered(copy, 0)
    }
    return this.#ended()
  }

  /** A node has not answered, or with nothing usable. */
  failed(): readonly SearchEffect[] {
    return this.#ended()
  }

  /** The hedge delay has passed: asks the fallbacks too, and no longer waits for more than `least` owners. */
  hedge(): readonly SearchEffect[] {
    this.#waitsForBest = false
    if (this.#isOver) return NOTHING
    return this.#fallbacksAsked ? this.#advance() : this.#askFallbacks()
  }

  /** The deadline has passed. */
  expire(): readonly SearchEffect[] {
    return this.#isOver ? NOTHING : this.#fail()
  }

  /** Number of nodes that have told what they hold. */
  get answered(): number {
    return this.#heard.size
  }

  #ended(): readonly SearchEffect[] {
    if (this.#isOver) return NOTHING
    assert(this.#open > 0, 'an ask ends once')
    this.#open--
    return this.#advance()
  }

  #removeCovered({ object }: C, horizon: Timestamp): void {
    this.#missing = missingFrom(this.#plan.mode, object, horizon, this.#missing)
  }

  #askFallbacks(): readonly SearchEffect[] {
    const { fallbacks } = this.#plan
    this.#fallbacksAsked = true
    this.#open += fallbacks.length
    const ends = this.#advance()
    if (ends.length > 0) return ends
    return fallbacks.map((node) => ({ type: 'ask-hints', node }))
  }

  #advance(): readonly SearchEffect[] {
    const { groups, wanted } = this.#plan
    const isFound = this.#missing.size === 0 && this.#heard.size > 0
    const count = leastCount(groups, (owner) => this.#counted.has(owner))
    const isBest = count >= wanted.best
    if (isFound && count >= wanted.least && (isBest || !this.#waitsForBest || this.#open === 0)) {
      this.#isOver = true
      return COVERED
    }
    if (this.#open > 0) return NOTHING
    // If the past is covered but too few owners answered, no fallback can stand in for an owner.
    return this.#fallbacksAsked || isFound ? this.#fail() : this.#askFallbacks()
  }

  #fail(): readonly SearchEffect[] {
    this.#isOver = true
    const asked = this.#fallbacksAsked ? [...this.#owners, ...this.#plan.fallbacks] : this.#owners
    const silent = asked.filter((node) => !this.#heard.has(node))
    return [{ type: 'fail', silent, isMissing: this.#missing.size > 0 }]
  }
}

const COVERED: readonly SearchEffect[] = [{ type: 'covered' }]
const NOTHING: readonly never[] = []
