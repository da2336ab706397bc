/**
 * Tracks what each session has read so far: the newest values of each key, and when the session knew them. A value
 * older than another read value is dropped, because everything older than it is also older than the other.
 */
import type { CausalOrder } from './causal-order.ts'
import { countWhere } from './key-writes.ts'
import type { ReadStep, WriteStep } from './step.ts'

/** A write whose value the session read, and the read that returned it. */
export interface Seen {
  readonly write: WriteStep
  readonly read: ReadStep
}

export interface SeenValues {
  /** The newest values that the session had read of the key before the place. */
  readonly seenBefore: (session: number, key: string, place: number) => readonly Seen[]
  /** For each other session, the newest of its writes, of any key, that this session has read. */
  readonly writersSeen: (session: number) => ReadonlyMap<number, Seen>
  /** Adds a read. Reads must be added in the order of the steps. */
  readonly add: (read: ReadStep) => void
}

export function seenValuesIn(order: CausalOrder): SeenValues {
  const byKey = new Map<string, Map<number, Growing>>()
  const writers = new Map<number, Map<number, Seen>>()
  return {
    seenBefore: (session, key, place) => {
      const growing = byKey.get(key)?.get(session)
      if (growing === undefined) return []
      const count = countWhere(growing.places, (each) => each < place)
      return growing.seen[count - 1] ?? []
    },
    writersSeen: (session) => writers.get(session) ?? new Map<number, Seen>(),
    add: (read) => {
      const { session } = read.operation
      const ofKey = byKey.get(read.key) ?? new Map<number, Growing>()
      byKey.set(read.key, ofKey)
      const growing = ofKey.get(session) ?? { places: [], seen: [] }
      ofKey.set(session, growing)
      grow(growing, read, order)
      const ofWriters = writers.get(session) ?? new Map<number, Seen>()
      writers.set(session, ofWriters)
      for (const write of read.sources) noteWriter(ofWriters, { write, read })
    },
  }
}

/** The set of seen values after each change, with the place of the change. */
interface Growing {
  readonly places: number[]
  readonly seen: (readonly Seen[])[]
}

function grow({ places, seen }: Growing, read: ReadStep, order: CausalOrder): void {
  const before = seen.at(-1) ?? []
  let after = before
  for (const write of read.sources) {
    if (after.some((each) => each.write === write || order.isBefore(write, each.write))) continue
    after = [...after.filter((each) => !order.isBefore(each.write, write)), { write, read }]
  }
  if (after === before) return
  places.push(read.place)
  seen.push(after)
}

function noteWriter(writers: Map<number, Seen>, seen: Seen): void {
  const { session } = seen.write.operation
  if (session === seen.read.operation.session) return
  const newest = writers.get(session)
  if (newest === undefined || newest.write.place < seen.write.place) writers.set(session, seen)
}
