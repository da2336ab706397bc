/**
 * The writes that this node made as a fallback, of keys whose owners it could not reach. For each key it holds the
 * stand-in actor and the object with all writes of that actor. The next write is made on top of that object
 * (core/causality/stand-in-actor.ts).
 *
 * Invariant: each object that was sent is the object held here, or an earlier state of it. A rejected write is taken
 * back from the object. If a later write was already made on top of it, its outcome is unknown instead. After an
 * unknown outcome the next write uses a new actor.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { endOfFallback } from '../../core/causality/stand-in-actor.ts'
import { ABSENT, type StoredObject } from '../../core/causality/stored-object.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Copy } from '../wire/object-record.ts'

/** Beyond these limits the oldest keys are dropped. A dropped key gets a new actor at its next write. */
const COPIES_MAX = 4096
const BYTES_MAX = 16 * 1_048_576

/** One actor and the object with its writes of one key. */
export interface StandIn {
  readonly actor: string
  object: StoredObject
  bytes: number
  /** The version of the placement under which the actor began, and the owners of the key in that placement. */
  readonly placementVersion: number
  readonly owners: readonly string[]
}

export class StandInCopies {
  readonly #copies = new Map<string, StandIn>()
  #bytes = 0

  /**
   * The stand-in that makes the write at `timestamp`; undefined if a new stand-in has to begin. `mayKeep` says whether
   * this node may still send a write of that time. If not, the owners may have replaced that write, and forgotten it.
   */
  find(
    name: string,
    timestamp: Timestamp,
    placementVersion: number,
    mayKeep: (timestamp: Timestamp) => boolean,
  ): StandIn | undefined {
    const standIn = this.#copies.get(name)
    if (standIn === undefined) return undefined
    const { actor, object } = standIn
    const isOpen = timestamp <= endOfFallback({ actor, timestamp })
    const isRecent = object.siblings.every((sibling) => mayKeep(sibling.timestamp))
    if (isOpen && isRecent && standIn.placementVersion === placementVersion) return standIn
    this.#drop(name)
    return undefined
  }

  /** Makes a stand-in. `advance` keeps it with its first object, so a write that cannot be made leaves nothing. */
  begin(
    actor: string,
    {
      placementVersion,
      owners,
    }: { readonly placementVersion: number; readonly owners: readonly string[] },
  ): StandIn {
    return { actor, object: ABSENT, bytes: 0, placementVersion, owners }
  }

  /**
   * Records that the stand-in has made `copy`. If the write fails, pass its error to the returned function, and report
   * to the client the error that the function returns.
   */
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
        // No node is known to hold this write, so nothing keeps the horizon below it any more. If a later write carried
        // it along, the owners would take it for a write that they already know.
        if (this.#copies.get(name) === standIn) this.#drop(name)
        return error
      }
      if (standIn.object === object) {
        this.#set(name, standIn, objectBefore, bytesBefore)
        if (objectBefore === ABSENT && this.#copies.get(name) === standIn) this.#drop(name)
        return error
      }
      if (this.#copies.get(name) === standIn) this.#drop(name)
      const message = `a later write builds on this one and may have stored it: ${error.message}`
      return new QuorateError('outcome_unknown', message, error.details, { cause: error })
    }
  }

  /** Drops the stand-in of the key. Its next write begins a new one. */
  letGo(name: string): void {
    if (this.#copies.size > 0) this.#drop(name)
  }

  /** Drops the stand-ins of all keys of that owner. */
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
