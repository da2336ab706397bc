/**
 * The object that an owner keeps for one key, and the merge of two copies.
 *
 * A siblings object is a dotted version vector set (Preguiça, Baquero, Almeida, Fonte, Gonçalves 2010/2012): a version
 * vector plus the siblings not yet replaced, each with the dot of its write. An lww object is one sibling and an empty
 * vector. A strong object is the value of one accepted proposal: at most one sibling, and as its vector the ballot
 * (node → counter) at which it was accepted. Objects are immutable; each function returns a new one or an argument.
 *
 * Invariant (siblings): the vector covers the dot of each sibling.
 * Invariant (all): siblings are in the order of their dots, and no two have the same dot.
 */
import { assert } from '../assert.ts'
import type { RegisterMemory } from '../consensus/register-memory.ts'
import { compareDots, type Dot, type Timestamp } from './dot.ts'
import { type Content, isShrunk, preferShrunk, type Sibling } from './sibling.ts'
import { bearsNames, deletedIds, idOf } from './update-name.ts'
import {
  covers,
  EMPTY_VECTOR,
  equalVectors,
  joinDot,
  joinVectors,
  type VersionVector,
} from './version-vector.ts'

export interface StoredObject {
  readonly vector: VersionVector
  readonly siblings: readonly Sibling[]
  /** Only in a strong object. */
  readonly memory?: RegisterMemory
}

/** How the copies of a bucket's keys are merged. */
export type MergeMode = 'siblings' | 'lww' | 'strong'

/** The object of a key that was never written here. */
export const ABSENT: StoredObject = { vector: EMPTY_VECTOR, siblings: [] }

/** Commutative, associative and idempotent. Returns `a` itself if `b` adds nothing to it. */
export function merge(mode: MergeMode, a: StoredObject, b: StoredObject): StoredObject {
  switch (mode) {
    case 'siblings':
      return mergeSiblings(a, b)
    case 'lww':
      return mergeLww(a, b)
    case 'strong':
      return mergeStrong(a, b)
    default:
      return mode satisfies never
  }
}

/**
 * The object after a write by the holder of `held`.
 *
 * `context` is what the writer had seen; undefined (a blind write) means everything in `held`. Siblings are tested
 * against the context *before* the new dot joins it. Otherwise the dot would cover earlier siblings of its actor that
 * the writer had not seen.
 */
export function write(
  mode: MergeMode,
  held: StoredObject,
  dot: Dot,
  content: Content,
  context: VersionVector | undefined,
): StoredObject {
  assert(mode !== 'strong', 'a strong key is written by consensus')
  const sibling: Sibling = { ...content, actor: dot.actor, timestamp: dot.timestamp }
  if (mode === 'lww') return mergeLww(held, { vector: EMPTY_VECTOR, siblings: [sibling] })
  assert(!covers(held.vector, dot), () => `dot ${dot.actor}@${dot.timestamp} is minted once`)
  const seen = context ?? held.vector
  const kept = held.siblings.filter((other) => !covers(seen, other))
  return {
    vector: joinDot(joinVectors(held.vector, seen), dot),
    siblings: insertSibling(kept, sibling),
  }
}

/**
 * The object after its holder has replaced the siblings that `isReplaced` selects by `added`. The other siblings stay,
 * seen or not. `dots` are new, in their order, and include those of `added`.
 */
export function replaceSiblings(
  held: StoredObject,
  dots: readonly Dot[],
  added: readonly Sibling[],
  isReplaced: (sibling: Sibling) => boolean,
): StoredObject {
  let { vector } = held
  for (const dot of dots) {
    assert(!covers(vector, dot), () => `dot ${dot.actor}@${dot.timestamp} is minted once`)
    vector = joinDot(vector, dot)
  }
  const kept = held.siblings.filter((sibling) => !isReplaced(sibling))
  return { vector, siblings: [...kept, ...added].sort(compareDots) }
}

/**
 * The dots of `held` that `vector` does not cover, and that a blind write with that vector may still replace. Siblings
 * with names of a counter's updates stay: the write does not know these names, so no tombstone would remember them.
 */
export function uncoveredDots(held: StoredObject, vector: VersionVector): Dot[] {
  const dots: Dot[] = []
  for (const sibling of held.siblings) {
    const { actor, timestamp } = sibling
    if (!covers(vector, sibling) && !bearsNames(sibling)) dots.push({ actor, timestamp })
  }
  return dots
}

/** `object` as if its last writer had seen `dots` too. They must not be dots of its own siblings. */
export function coverDots(object: StoredObject, dots: readonly Dot[]): StoredObject {
  let vector = object.vector
  for (const dot of dots) vector = joinDot(vector, dot)
  return vector === object.vector ? object : { vector, siblings: object.siblings }
}

/**
 * The context that a client may use after its write `dot`. It is the vector of the whole object if the write replaced
 * everything. Otherwise it is what the client knew before, plus the write's dot if that does not cover a sibling that
 * is still there.
 */
export function contextAfter(
  object: StoredObject,
  seen: VersionVector | undefined,
  dot: Dot,
): VersionVector {
  if (object.siblings.length <= 1 || seen === undefined) return object.vector
  const joined = joinDot(seen, dot)
  const others = object.siblings.filter((sibling) => compareDots(sibling, dot) !== 0)
  return others.some((sibling) => covers(joined, sibling)) ? seen : joined
}

/**
 * Whether the two have the same history and the same siblings. Values follow from the dots, except that an expired
 * value may be shrunk in only one of the two.
 */
export function equalObjects(a: StoredObject, b: StoredObject): boolean {
  if (a === b) return true
  const isSame = (sibling: Sibling, i: number): boolean => {
    const other = b.siblings[i] as Sibling
    return compareDots(sibling, other) === 0 && isShrunk(sibling) === isShrunk(other)
  }
  return (
    a.siblings.length === b.siblings.length &&
    a.siblings.every(isSame) &&
    equalVectors(a.vector, b.vector)
  )
}

/** The siblings that a reader sees at `wallMs`: not deleted, not expired, and not repeats of a deleted increment. */
export function liveSiblings(object: StoredObject, wallMs: number): readonly Sibling[] {
  const live = (sibling: Sibling): boolean =>
    !sibling.tombstone && (sibling.expiresAtMs === 0 || sibling.expiresAtMs > wallMs)
  if (object.siblings.every(live)) return object.siblings
  const deleted = deletedIds(object.siblings)
  return object.siblings.filter((sibling) => live(sibling) && !deleted.has(idOf(sibling) ?? ''))
}

/** The sibling that last-writer-wins would choose; undefined only for an absent object. */
export function newestSibling(object: StoredObject): Sibling | undefined {
  return object.siblings.at(-1)
}

/** The highest timestamp in the object; 0 if it is absent. */
export function newestDot(object: StoredObject): Timestamp {
  return Math.max(object.siblings.at(-1)?.timestamp ?? 0, object.vector.newest)
}

function mergeLww(a: StoredObject, b: StoredObject): StoredObject {
  const newestA = newestSibling(a)
  const newestB = newestSibling(b)
  if (newestB === undefined) return a
  if (newestA === undefined) return b
  const order = compareDots(newestA, newestB)
  if (order === 0) return preferShrunk(newestA, newestB) === newestA ? a : b
  return order > 0 ? a : b
}

/** The later proposal wins: an acceptor of the earlier one may learn the later one at any time (CASPaxos, 2.2). */
function mergeStrong(a: StoredObject, b: StoredObject): StoredObject {
  const ballotA = ballotDot(a)
  const ballotB = ballotDot(b)
  if (ballotB === undefined) return a
  if (ballotA === undefined) return b
  const order = compareDots(ballotA, ballotB)
  if (order === 0) return b.siblings.some(isShrunk) && !a.siblings.some(isShrunk) ? b : a
  return order > 0 ? a : b
}

/** The ballot of a strong object, as a dot; undefined if nothing was accepted. */
function ballotDot({ vector }: StoredObject): Dot | undefined {
  assert(vector.size <= 1, 'a strong object has one ballot')
  for (const [actor, timestamp] of vector) return { actor, timestamp }
  return undefined
}

function mergeSiblings(a: StoredObject, b: StoredObject): StoredObject {
  if (a === b || b.vector.size === 0) return a
  if (a.vector.size === 0) return b
  const siblings: Sibling[] = []
  let i = 0
  let j = 0
  while (i < a.siblings.length || j < b.siblings.length) {
    const left = a.siblings[i]
    const right = b.siblings[j]
    const order = left === undefined ? 1 : right === undefined ? -1 : compareDots(left, right)
    if (order === 0) {
      siblings.push(preferShrunk(left as Sibling, right as Sibling))
      i++
      j++
    } else if (order < 0) {
      if (!covers(b.vector, left as Sibling)) siblings.push(left as Sibling)
      i++
    } else {
      if (!covers(a.vector, right as Sibling)) siblings.push(right as Sibling)
      j++
    }
  }
  const vector = joinVectors(a.vector, b.vector)
  if (vector === a.vector && sameSiblings(siblings, a.siblings)) return a
  return { vector, siblings }
}

function sameSiblings(a: readonly Sibling[], b: readonly Sibling[]): boolean {
  return a.length === b.length && a.every((sibling, i) => sibling === b[i])
}

/** `siblings` in dot order with `added` in its place. That is the end as long as the clock never goes back. */
function insertSibling(siblings: readonly Sibling[], added: Sibling): Sibling[] {
  return [...siblings, added].sort(compareDots)
}
