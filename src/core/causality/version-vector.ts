/**
 * A version vector: for one key, actor → highest timestamp seen. An entry covers everything that the actor wrote to the
 * key up to that timestamp. This is sound because replicas only exchange whole objects.
 *
 * A vector never changes, and most vectors have one to three entries. So it is one flat list, sorted by actor: this is
 * also its form on the wire and on the disk, and it takes a third of the memory of a map.
 */
import type { Actor, Dot, Timestamp } from './dot.ts'

/** Actor, timestamp, actor, timestamp, …; each actor is greater than the one before. */
export type FlatVector = readonly (Actor | Timestamp)[]

export class VersionVector implements Iterable<readonly [Actor, Timestamp]> {
  readonly flat: FlatVector

  /** `flat` must be sorted, and must not change afterwards. `vectorOf` makes a vector of entries in any order. */
  constructor(flat: FlatVector) {
    this.flat = flat
  }

  /** The number of actors. */
  get size(): number {
    return this.flat.length / 2
  }

  get(actor: Actor): Timestamp | undefined {
    const { flat } = this
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === actor) return flat[i + 1] as Timestamp
    }
    return undefined
  }

  /** The highest timestamp; 0 if the vector is empty. */
  get newest(): Timestamp {
    const { flat } = this
    let newest = 0
    for (let i = 1; i < flat.length; i += 2) newest = Math.max(newest, flat[i] as Timestamp)
    return newest
  }

  actors(): Actor[] {
    return this.flat.filter((_, i) => i % 2 === 0) as Actor[]
  }

  timestamps(): Timestamp[] {
    return this.flat.filter((_, i) => i % 2 === 1) as Timestamp[]
  }

  /** The vector itself if `isKept` selects every entry. */
  filter(isKept: (actor: Actor, timestamp: Timestamp) => boolean): VersionVector {
    const kept: (Actor | Timestamp)[] = []
    for (const [actor, timestamp] of this) if (isKept(actor, timestamp)) kept.push(actor, timestamp)
    return kept.length === this.flat.length ? this : new VersionVector(kept)
  }

  /** In the order of the actors. */
  *[Symbol.iterator](): Iterator<readonly [Actor, Timestamp]> {
    for (let i = 0; i < this.flat.length; i += 2) {
      yield [this.flat[i] as Actor, this.flat[i + 1] as Timestamp]
    }
  }
}

export const EMPTY_VECTOR = new VersionVector([])

/** The entries may be in any order. Of several entries of one actor, the last one counts. */
export function vectorOf(entries: Iterable<readonly [Actor, Timestamp]>): VersionVector {
  const sorted = [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.length === 0 ? EMPTY_VECTOR : new VersionVector(sorted.flat())
}

export function covers(vector: VersionVector, dot: Dot): boolean {
  const seen = vector.get(dot.actor)
  return seen !== undefined && seen >= dot.timestamp
}

/** The smallest vector that covers everything that `a` or `b` covers. Returns `a` itself if it does so already. */
export function joinVectors(a: VersionVector, b: VersionVector): VersionVector {
  if (a === b || dominates(a, b)) return a
  const [left, right] = [a.flat, b.flat]
  const joined: (Actor | Timestamp)[] = []
  let i = 0
  let j = 0
  while (i < left.length || j < right.length) {
    const actorA = left[i] as Actor | undefined
    const actorB = right[j] as Actor | undefined
    if (actorA !== undefined && actorA === actorB) {
      joined.push(actorA, Math.max(left[i + 1] as Timestamp, right[j + 1] as Timestamp))
      i += 2
      j += 2
    } else if (actorB === undefined || (actorA !== undefined && actorA < actorB)) {
      joined.push(actorA as Actor, left[i + 1] as Timestamp)
      i += 2
    } else {
      joined.push(actorB, right[j + 1] as Timestamp)
      j += 2
    }
  }
  return new VersionVector(joined)
}

export function joinDot(vector: VersionVector, { actor, timestamp }: Dot): VersionVector {
  return joinVectors(vector, new VersionVector([actor, timestamp]))
}

/** Whether `a` covers everything that `b` covers. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  const { flat } = b
  for (let i = 0; i < flat.length; i += 2) {
    if ((a.get(flat[i] as Actor) ?? 0) < (flat[i + 1] as Timestamp)) return false
  }
  return true
}

export function equalVectors(a: VersionVector, b: VersionVector): boolean {
  const [left, right] = [a.flat, b.flat]
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}
