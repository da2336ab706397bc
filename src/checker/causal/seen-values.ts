/**
 * What a session has read so far: of each key the newest values, and when it knew what. A value that is older
 * than another which was read needs no keeping: whatever is older than it is older than that too.
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
  /** What the session had read of the key before the place. */
  readonly seenBefore: (session: number, key: string, place: number) => readonly Seen[]
  /** By session the newest of its writes that the session has read, of any key; never its own. */
  readonly writersSeen: (session: number) => ReadonlyMap<number, Seen>
  /** Reads are added in the order of the steps. */
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

/** What was seen, each time that it changed. */
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
