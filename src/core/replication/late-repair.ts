/**
 * Decides what a read does after its answer: it asks the owners that it did not ask, fetches the full copies that it
 * lacks, and repairs every owner that is behind. No client waits for it, and nothing is tried again.
 *
 * This class is pure, like read-protocol.ts. Its effects have the same meaning.
 */
import type { CopyRules, Found } from './copy-rules.ts'
import type { OwnerCopies } from './owner-copies.ts'
import type { ReadEffect, ReadProtocol } from './read-protocol.ts'

export type LateEffect<C> = Extract<
  ReadEffect<C>,
  { readonly type: 'ask-copy' | 'ask-version' | 'repair' }
>

export class LateRepair<C, V> {
  readonly #self: string
  readonly #read: ReadProtocol<C, V>
  /** The copies of the read. Late answers to the read itself are still added to them. */
  readonly #copies: OwnerCopies<C, V>
  readonly #rules: CopyRules<C, V>
  /** Owners that have not answered in the current phase. */
  readonly #open = new Set<string>()
  #phase: 'versions' | 'copies' | 'repairs' = 'versions'

  /** Create this only after `read` has answered. */
  constructor(self: string, read: ReadProtocol<C, V>, rules: CopyRules<C, V>) {
    this.#self = self
    this.#read = read
    this.#copies = read.copies
    this.#rules = rules
  }

  start(): readonly LateEffect<C>[] {
    return this.#ask(this.#read.unasked, 'ask-version')
  }

  found(owner: string, found: Found<C, V>): readonly LateEffect<C>[] {
    this.#copies.take(owner, found)
    return this.#ended(owner)
  }

  failed(owner: string): readonly LateEffect<C>[] {
    if (this.#phase === 'copies') this.#copies.lose(owner)
    return this.#ended(owner)
  }

  repaired(owner: string, copy: C | undefined): void {
    if (copy !== undefined) this.#copies.markRepaired(owner, copy)
  }

  #ask(owners: readonly string[], type: 'ask-version' | 'ask-copy'): readonly LateEffect<C>[] {
    // The coordinator never asks itself: the read has used its copy already, or was not allowed to.
    const others = owners.filter((owner) => owner !== this.#self)
    if (others.length === 0) return this.#nextPhase()
    for (const owner of others) this.#open.add(owner)
    return others.map((owner) => ({ type, owner }))
  }

  #ended(owner: string): readonly LateEffect<C>[] {
    this.#open.delete(owner)
    return this.#open.size > 0 ? [] : this.#nextPhase()
  }

  #nextPhase(): readonly LateEffect<C>[] {
    if (this.#phase === 'versions') {
      this.#phase = 'copies'
      return this.#ask(this.#copies.lacking(), 'ask-copy')
    }
    this.#phase = 'repairs'
    return this.#repairs()
  }

  #repairs(): readonly LateEffect<C>[] {
    const copy = this.#copies.merged
    if (copy === undefined) return []
    const laggards = this.#copies.laggards()
    // If no owner holds the key, there is no copy to send. But a damaged record on this node can be removed.
    const behind = this.#rules.isAbsent(copy)
      ? laggards.filter((owner) => owner === this.#self)
      : laggards
    const { mayReplaceDamaged } = this.#read
    return behind.map((owner) => ({ type: 'repair', owner, copy, mayReplaceDamaged }))
  }
}
