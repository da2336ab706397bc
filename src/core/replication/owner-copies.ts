/**
 * Collects the owners' copies for one read: the full copy of some owners, only the version of others, and the merge of
 * all full copies. From these it decides which owners to ask for their full copy, and which owners to repair.
 */
import type { CopyRules, Found } from './copy-rules.ts'

/** A copy, and all owners that are known to hold it. */
export interface HeldCopy<C> {
  readonly copy: C
  readonly owners: ReadonlySet<string>
}

interface Merged<C, V> {
  readonly copy: C
  readonly version: V
}

export class OwnerCopies<C, V> {
  readonly #rules: CopyRules<C, V>
  readonly #found = new Map<string, Found<C, V>>()
  /** Copies of owners whose repair failed. */
  readonly #unrepaired = new Map<string, Found<C, V>>()
  /** Owners whose record cannot be read. They are repaired like laggards, but never counted. */
  readonly #damaged = new Set<string>()
  #merged: Merged<C, V> | undefined

  constructor(rules: CopyRules<C, V>) {
    this.#rules = rules
  }

  /** Number of owners that have answered with a readable copy or version. */
  get count(): number {
    return this.#found.size
  }

  /** Whether this owner has answered with a readable copy or version. */
  has(owner: string): boolean {
    return this.#found.has(owner)
  }

  /** All full copies merged; undefined before the first. */
  get merged(): C | undefined {
    return this.#merged?.copy
  }

  /** Whether the merged copy has this version. */
  isMerged(version: V): boolean {
    return this.#merged !== undefined && this.#rules.isSame(version, this.#merged.version)
  }

  /** Whether the merged copy contains everything that this owner has told. */
  isIncluded(owner: string): boolean {
    const found = this.#found.get(owner)
    return found !== undefined && (found.copy !== undefined || this.isMerged(found.version))
  }

  take(owner: string, found: Found<C, V>): void {
    this.#found.set(owner, found)
    if (found.copy !== undefined) this.#add(found.copy, found.version)
  }

  /** Adds a copy that belongs to no owner, because fallbacks keep it. */
  merge(copy: C): void {
    this.#add(copy, this.#rules.versionOf(copy))
  }

  /** Stops counting an owner whose version is known, but whose full copy could not be read. */
  lose(owner: string): void {
    this.#found.delete(owner)
  }

  /** Stops counting an owner whose repair failed. It is not repaired again. Its copy stays merged. */
  markUnrepaired(owner: string): void {
    const found = this.#found.get(owner)
    if (found !== undefined) this.#unrepaired.set(owner, found)
    this.#found.delete(owner)
    this.#damaged.delete(owner)
  }

  markDamaged(owner: string): void {
    this.#damaged.add(owner)
  }

  /** The owner holds `copy` durably, merged into its own. */
  markRepaired(owner: string, copy: C): void {
    this.#damaged.delete(owner)
    this.#found.set(owner, { version: this.#rules.versionOf(copy), copy })
  }

  /** Owners known only by a version that differs from the merged copy. The merged copy may lack some of their writes. */
  lacking(): string[] {
    return [...this.#found.keys()].filter((owner) => !this.isIncluded(owner))
  }

  /** Owners that do not have the merged copy, those with damaged records included. */
  laggards(): string[] {
    if (this.#merged === undefined) return []
    const found = [...this.#found]
    const behind = found.flatMap(([owner, { version }]) => (this.isMerged(version) ? [] : [owner]))
    return [...behind, ...this.#damaged]
  }

  /** Owners that have the merged copy. */
  holders(): Set<string> {
    const holders = new Set(this.#found.keys())
    for (const laggard of this.laggards()) holders.delete(laggard)
    return holders
  }

  /** Finds a copy that enough owners hold without any repair. Owners whose repair failed count here. */
  heldByEnough(isEnough: (owners: ReadonlySet<string>) => boolean): HeldCopy<C> | undefined {
    const all = [...this.#found, ...this.#unrepaired]
    for (const [, { copy, version }] of all) {
      if (copy === undefined) continue
      const alike = all.filter(([, other]) => this.#rules.isSame(other.version, version))
      const owners = new Set(alike.map(([owner]) => owner))
      if (isEnough(owners)) return { copy, owners }
    }
    return undefined
  }

  #add(copy: C, version: V): void {
    const merged = this.#merged
    if (merged === undefined) {
      this.#merged = { copy, version }
      return
    }
    // Equal copies are the rule, and comparing versions costs less than merging.
    if (this.#rules.isSame(version, merged.version)) return
    const both = this.#rules.merge(merged.copy, copy)
    this.#merged = { copy: both, version: this.#rules.versionOf(both) }
  }
}
