/**
 * The latest changes of this node's copies, in order: the name of each key that changed, not its value. It is bounded;
 * the oldest changes are forgotten first.
 */
import { assert } from '../../core/assert.ts'
import type { DataName } from '../storage/storage-keys.ts'

const CHANGES_MAX = 65_536
/** The most UTF-16 units of all names together. */
const NAMES_MAX = 8 * 1024 * 1024
/** Forgotten changes are removed from the array in bulk, because each removal moves the others. */
const FORGOTTEN_MAX = 8192

export class RecentChanges {
  readonly #changesMax: number
  #changes: DataName[] = []
  /** How many of the first changes in the array are forgotten. */
  #forgotten = 0
  #names = 0
  #end = 0

  constructor(changesMax: number = CHANGES_MAX) {
    this.#changesMax = changesMax
  }

  /** The sequence number of the last change; 0 before the first. The numbers count up by one. */
  get end(): number {
    return this.#end
  }

  /** Every change after this sequence number is still here. */
  get begin(): number {
    return this.#end - this.#size
  }

  get #size(): number {
    return this.#changes.length - this.#forgotten
  }

  push(change: DataName): void {
    this.#changes.push(change)
    this.#end++
    this.#names += change.name.length
    while (this.#size > this.#changesMax || this.#names > NAMES_MAX) this.#forget()
    if (this.#forgotten < FORGOTTEN_MAX) return
    this.#changes = this.#changes.slice(this.#forgotten)
    this.#forgotten = 0
  }

  at(sequence: number): DataName {
    const change = this.#changes[this.#changes.length - 1 - (this.#end - sequence)]
    assert(change !== undefined && sequence > this.begin, 'the change is not forgotten')
    return change
  }

  clear(): void {
    this.#changes = []
    this.#forgotten = 0
    this.#names = 0
  }

  #forget(): void {
    const { name } = this.#changes[this.#forgotten] as DataName
    this.#names -= name.length
    this.#forgotten++
  }
}
