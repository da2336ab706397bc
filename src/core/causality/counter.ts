/**
 * A counter as siblings that are merged like any others: each actor has at most one, whose value is that
 * actor's own running total (the PN-counter of Shapiro, Preguiça, Baquero, Zawirski 2011, with one total in
 * place of two). The counter is the sum.
 *
 * Invariant: an actor's total is changed by that actor alone, at its own copy, which has seen all its dots;
 * so the newest total of an actor stands for all its increments, however often and late copies arrive.
 */
import { assert } from '../assert.ts'
import { type Dot, nodeOfActor, type Timestamp } from './dot.ts'
import { replaceSiblings, type Sibling, type StoredObject } from './stored-object.ts'

export const COUNTER_CONTENT_TYPE = 'application/vnd.quorate.counter'

/** `n4~k3x9~m2p`: the actor of one write of a fallback (dot.ts). */
const ONE_OFF_ACTOR_PARTS = 3

/** Which totals of others an actor takes into its own. */
export interface Folding {
  readonly nodeId: string
  /** Those of earlier actors of `nodeId` up to here; 0 folds nothing. */
  readonly settled: Timestamp
  /** Those of one-off actors, too. */
  readonly foldsOneOffs: boolean
}

/**
 * The counter after the holder of `held`, whose actor is `dot.actor`, added `delta` to it; undefined where
 * that total or the sum would leave the safe integers. Tombstones that the holder has seen are replaced.
 *
 * Totals of earlier actors of `nodeId` up to the time `settled` are folded into the new one, so that restarts
 * do not add up. Only their own node folds them, and it must know all they ever wrote: a total that the holder
 * has seen an old version of, or has itself folded in a write that it lost, would count twice. So `settled` is
 * at or above the end of *each* earlier actor of the node, with everything up to it held by every owner; and 0,
 * which folds nothing, where that is not known. The one-off actors of fallbacks belong to no node that goes on:
 * at most one node at a time may fold them for all.
 */
export function incrementCounter(
  held: StoredObject,
  dot: Dot,
  delta: number,
  { nodeId, settled, foldsOneOffs }: Folding,
): StoredObject | undefined {
  assert(Number.isSafeInteger(delta), `increment ${delta} is a safe integer`)
  const isFolded = (sibling: Sibling): boolean => {
    if (sibling.actor === dot.actor) return true
    if (sibling.timestamp > settled) return false
    return isOneOff(sibling) ? foldsOneOffs : nodeOfActor(sibling.actor) === nodeId
  }
  const isReplaced = (sibling: Sibling): boolean => sibling.tombstone || isFolded(sibling)
  const total = held.siblings.filter(isReplaced).map(totalOf).reduce(add, delta)
  if (!Number.isSafeInteger(total)) return undefined
  const sibling: Sibling = {
    actor: dot.actor,
    timestamp: dot.timestamp,
    value: asciiOf(total),
    contentType: COUNTER_CONTENT_TYPE,
    tombstone: false,
    expiresAtMs: 0,
  }
  const next = replaceSiblings(held, [dot], [sibling], isReplaced)
  return leavesSafeIntegers(counterValue(held.siblings), counterValue(next.siblings))
    ? undefined
    : next
}

/** What concurrent increments have brought outside together may come back in steps. */
function leavesSafeIntegers(before: bigint, after: bigint): boolean {
  const size = (value: bigint): bigint => (value < 0n ? -value : value)
  return size(after) > BigInt(Number.MAX_SAFE_INTEGER) && size(after) >= size(before)
}

/** The sum of the totals: exact, also where concurrent increments have left the safe integers together. */
export function counterValue(siblings: readonly Sibling[]): bigint {
  return siblings.reduce((sum, sibling) => sum + BigInt(totalOf(sibling)), 0n)
}

/** 0 for a tombstone. */
function totalOf({ value, tombstone, actor, timestamp }: Sibling): number {
  if (tombstone) return 0
  const text = String.fromCharCode(...value)
  const total = /^(?:0|-?[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  assert(
    Number.isSafeInteger(total),
    () => `the value of ${actor}@${timestamp} is a counter's total`,
  )
  return total
}

/** One step outside the safe integers makes the whole sum unsafe: nothing comes back rounded. */
function add(a: number, b: number): number {
  const sum = a + b
  return Number.isSafeInteger(sum) ? sum : Number.NaN
}

function isOneOff({ actor }: Dot): boolean {
  return actor.split('~').length === ONE_OFF_ACTOR_PARTS
}

function asciiOf(total: number): Uint8Array {
  const digits = String(total)
  return Uint8Array.from(digits, (character) => character.charCodeAt(0))
}
