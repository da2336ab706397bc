/**
 * A counter as siblings that merge like any others. Each actor has at most one total: the running total of that actor's
 * own increments (the PN-counter of Shapiro, Preguiça, Baquero, Zawirski 2011, with one total in place of two). Beside
 * the totals are the increments of the last minutes that an idempotency key has named (update-name.ts), each as a
 * sibling of its own. The counter is the sum of the totals and of one increment for each name. Names that the tombstone
 * of a delete remembers do not count, so a repeat of a deleted increment adds nothing.
 *
 * Invariant: only an actor itself changes its total, on its own copy, which has seen all its dots. So the newest total
 * of an actor covers all its increments, however often and late copies arrive.
 * Invariant: at most one node at a time moves named increments into its total, and all those of one name in one step.
 * Invariant: a tombstone gives up a name only together with all increments of that name.
 */
import { assert } from '../assert.ts'
import { type Dot, nodeOfActor, type Timestamp } from './dot.ts'
import { endOfFallback, isOfFallback } from './stand-in-actor.ts'
import { replaceSiblings, type StoredObject } from './stored-object.ts'
import type { Sibling } from './sibling.ts'
import {
  contentTypeOf,
  deletedIds,
  encodeNames,
  idOf,
  isNamePast,
  type NamedUpdate,
  namedUpdates,
  remembersNames,
  type UpdateName,
} from './update-name.ts'

export const COUNTER_CONTENT_TYPE = 'application/vnd.quorate.counter'

/** Which totals of other actors an actor takes into its own. */
export interface Folding {
  readonly nodeId: string
  /** Totals of earlier actors of `nodeId` up to this time are folded; 0 folds nothing. */
  readonly settled: Timestamp
  /** Whether totals of fallbacks and named increments are folded, too. */
  readonly foldsForAll: boolean
}

/**
 * The counter after the holder of `held`, whose actor is that of `dots`, has added `delta` to it. Undefined if that
 * total or the sum would leave the safe integers. Tombstones that the holder has seen are replaced, unless they have
 * names to remember. A named increment takes two dots, any other increment one.
 *
 * Totals of earlier actors of `nodeId` up to the time `settled` are folded into the new one, so that restarts do not
 * accumulate totals. Only their own node folds them, and it must know everything they ever wrote. Otherwise a total
 * would count twice: the holder may have seen an old version of it, or may have folded it in a write that it lost. So
 * `settled` is at or above the end of *each* earlier actor of the node, and every owner holds everything up to it. It
 * is 0, which folds nothing, if that is not known. The actors of fallbacks belong to no node that continues them. So at
 * most one node at a time adds a fallback's total to its own, and only after that fallback's actor has ended. The same
 * node folds named increments, once everything minted within the window of the name is settled: it removes all
 * increments of the name together with the one that counts.
 */
export function incrementCounter(
  held: StoredObject,
  dots: readonly Dot[],
  delta: number,
  { nodeId, settled, foldsForAll }: Folding,
  name?: UpdateName,
): StoredObject | undefined {
  assert(Number.isSafeInteger(delta), `increment ${delta} is a safe integer`)
  assert(dots.length === dotsOfIncrement(name), `${dots.length} dots for an increment`)
  const [first, last] = [dots[0] as Dot, dots.at(-1) as Dot]
  const counted = countedByName(held.siblings)
  const deleted = deletedIds(held.siblings)
  const isPast = (id: string): boolean => {
    const earliest = counted.get(id)
    return foldsForAll && earliest !== undefined && isNamePast(earliest.timestamp, settled)
  }
  const isOwnTotal = (sibling: Sibling): boolean =>
    sibling.actor === last.actor && idOf(sibling) === undefined
  const isFolded = (sibling: Sibling): boolean => {
    const id = idOf(sibling)
    if (id !== undefined) return isPast(id)
    if (sibling.timestamp > settled) return false
    if (!isOfFallback(sibling.actor)) return nodeOfActor(sibling.actor) === nodeId
    return foldsForAll && endOfFallback(sibling) <= settled
  }
  const live = held.siblings.filter(({ tombstone }) => !tombstone)
  // A named increment leaves the actor's total alone, unless there is something to fold.
  const changesTotal =
    name === undefined || live.some((sibling) => !isOwnTotal(sibling) && isFolded(sibling))
  const isReplaced = (sibling: Sibling): boolean => {
    if (sibling.tombstone) return !remembersNames(sibling, settled)
    if (deleted.has(idOf(sibling) ?? '')) return true
    return isOwnTotal(sibling) ? changesTotal : isFolded(sibling)
  }
  const added: Sibling[] = []
  if (name !== undefined) added.push(siblingOf(first, delta, contentTypeOf(name)))
  if (changesTotal) {
    const total = live
      .filter((sibling) => isReplaced(sibling) && isCounted(sibling, counted))
      .map(numberOf)
      .reduce(add, name === undefined ? delta : 0)
    if (!Number.isSafeInteger(total)) return undefined
    added.push(siblingOf(last, total, COUNTER_CONTENT_TYPE))
  }
  const used = changesTotal ? dots : [first]
  const next = replaceSiblings(held, used, added, isReplaced)
  return leavesSafeIntegers(counterValue(held.siblings), counterValue(next.siblings))
    ? undefined
    : next
}

/** Concurrent increments may together leave the safe integers. Steps back towards them are allowed. */
function leavesSafeIntegers(before: bigint, after: bigint): boolean {
  const size = (value: bigint): bigint => (value < 0n ? -value : value)
  return size(after) > BigInt(Number.MAX_SAFE_INTEGER) && size(after) >= size(before)
}

/** How many dots an increment takes. A named one may change its actor's total, too. */
export function dotsOfIncrement(name: UpdateName | undefined): number {
  return name === undefined ? 1 : 2
}

/**
 * The value of the tombstone when a delete removes `replaced`. It holds the names of the deleted updates, so that a
 * repeat of one is not counted again, and the name of the delete itself, if it has one. `kept`: the siblings that the
 * delete leaves.
 */
export function namesAfterDelete(
  replaced: readonly Sibling[],
  kept: readonly Sibling[],
  settled: Timestamp,
  own: NamedUpdate | undefined,
): Uint8Array {
  const keptIds = new Set(kept.map(idOf))
  const remembered = [...namedUpdates(replaced)].filter(
    ({ id, dot }) => !isNamePast(dot.timestamp, settled) || keptIds.has(id),
  )
  return encodeNames(own === undefined ? remembered : [...remembered, own])
}

/**
 * The sum of the totals, and of the earliest increment of each name. It is exact, even if concurrent increments have
 * together left the safe integers.
 */
export function counterValue(siblings: readonly Sibling[]): bigint {
  const counted = countedByName(siblings)
  return siblings.reduce(
    (sum, sibling) => (isCounted(sibling, counted) ? sum + BigInt(numberOf(sibling)) : sum),
    0n,
  )
}

/**
 * The increment that counts for each name: the earliest one, because siblings are in the order of their dots. Deleted
 * names have none.
 */
function countedByName(siblings: readonly Sibling[]): ReadonlyMap<string, Sibling> {
  const deleted = deletedIds(siblings)
  const counted = new Map<string, Sibling>()
  for (const sibling of siblings) {
    const id = idOf(sibling)
    if (id !== undefined && !deleted.has(id) && !counted.has(id)) counted.set(id, sibling)
  }
  return counted
}

function isCounted(sibling: Sibling, counted: ReadonlyMap<string, Sibling>): boolean {
  const id = idOf(sibling)
  return id === undefined || counted.get(id) === sibling
}

/** A total, or the increment of a named update; 0 for a tombstone. */
function numberOf({ value, tombstone, actor, timestamp }: Sibling): number {
  if (tombstone) return 0
  const text = String.fromCharCode(...value)
  const number = /^(?:0|-?[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  assert(
    Number.isSafeInteger(number),
    () => `the value of ${actor}@${timestamp} is a counter's total`,
  )
  return number
}

function siblingOf({ actor, timestamp }: Dot, number: number, contentType: string): Sibling {
  const value = asciiOf(number)
  return { actor, timestamp, value, contentType, tombstone: false, expiresAtMs: 0 }
}

/** One step outside the safe integers makes the whole sum unsafe, so that no rounded result comes back. */
function add(a: number, b: number): number {
  const sum = a + b
  return Number.isSafeInteger(sum) ? sum : Number.NaN
}

function asciiOf(number: number): Uint8Array {
  const digits = String(number)
  return Uint8Array.from(digits, (character) => character.charCodeAt(0))
}
