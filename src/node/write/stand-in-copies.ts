/**
 * What this node, as a fallback, has made of keys none of whose owners it reached: for each key its stand-in actor and
 * the whole object of that actor's writes, on top of which the next one is made (core/causality/stand-in-actor.ts).
 *
 * Invariant: an object that was sent is the one here, or this one was made on top of it. When a write is rejected, its
 * object is removed again, unless a later write already builds on it: then its outcome is unknown. After an unknown
 * outcome the next write begins anew.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { endOfFallback } from '../../core/causality/stand-in-actor.ts'
import { ABSENT, type StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Copy } from '../wire/object-record.ts'

/** A key that is let go gets a new actor at its next write. */
const COPIES_MAX = 4096
const BYTES_MAX = 16 * 1_048_576

/** One actor and what it has written of one key. */
export interface StandIn {
  readonly actor: string
  object: StoredObject
  bytes: number
  /** The placement under which it began, and the owners of the key there. */
  readonly placedAt: number
  readonly owners: readonly string[]
}

export class StandInCopies {
  readonly #copies = new Map<string, StandIn>()
  #bytes = 0

  /**
   * The one that goes on with a write at `timestamp`; undefined where a new one has to begin. `mayKeep` says of a time
   * whether this node has not promised to send nothing that old: then its owners may have replaced it, and forgotten.
   */
  find(
    name: string,
    timestamp: Timestamp,
    placedAt: number,
    mayKeep: (timestamp: Timestamp) => boolean,
  ): StandIn | undefined {
    const standIn = this.#copies.get(name)
    if (standIn === undefined) return undefined
    const { actor, object } = standIn
    const isOpen = timestamp <= endOfFallback({ actor, timestamp })
    const isRecent = object.siblings.every((sibling) => mayKeep(sibling.timestamp))
    if (isOpen && isRecent && standIn.placedAt === placedAt) return standIn
    this.#drop(name)
    return undefined
  }

  /** It is kept with its first object, so that a write which cannot be made leaves nothing here. */
  begin(
    actor: string,
    { placedAt, owners }: { readonly placedAt: number; readonly owners: readonly string[] },
  ): StandIn {
    return { actor, object: ABSENT, bytes: 0, placedAt, owners }
  }

  /** The stand-in has made `copy`. Gives what to tell of an error with which its write ended. */
  advance(name: string, standIn: StandIn, { object, record }: Copy): (error: unknown) => unknown {
    const { object: objectBefore, bytes: bytesBefore } = standIn
    if (this.#copies.get(name) !== standIn) this.#drop(name)
    this.#copies.set(name, standIn)
    this.#set(name, standIn, object, record.length)
    for (const [oldest] of this.#copies) {
      if (this.#copies.size <= COPIES_MAX && this.#bytes <= BYTES_MAX) break
      this.#drop(oldest)
    }
    return (error) => {
      if (!(error instanceof QuorateError) || error.kind.outcome === 'unknown') {
        // No node is known to hold the write, so nothing keeps the horizon below it any more: a later write must not
        // bring it along as if it were part of what the owners already have.
        if (this.#copies.get(name) === standIn) this.#drop(name)
        return error
      }
      if (standIn.object === object) {
        this.#set(name, standIn, objectBefore, bytesBefore)
        if (objectBefore === ABSENT && this.#copies.get(name) === standIn) this.#drop(name)
        return error
      }
      if (this.#copies.get(name) === standIn) this.#drop(name)
      const message = `a later write was made on top of this one, and may have brought it along: ${error.message}`
      return new QuorateError('outcome_unknown', message, error.details, { cause: error })
    }
  }

  /** The next write of the key begins anew. */
  letGo(name: string): void {
    if (this.#copies.size > 0) this.#drop(name)
  }

  /** The same for all keys of that owner. */
  letGoOf(owner: string): void {
    for (const [name, { owners }] of this.#copies) if (owners.includes(owner)) this.#drop(name)
  }

  #set(name: string, standIn: StandIn, object: StoredObject, bytes: number): void {
    if (this.#copies.get(name) === standIn) this.#bytes += bytes - standIn.bytes
    standIn.object = object
    standIn.bytes = bytes
  }

  #drop(name: string): void {
    this.#bytes -= this.#copies.get(name)?.bytes ?? 0
    this.#copies.delete(name)
  }
}
