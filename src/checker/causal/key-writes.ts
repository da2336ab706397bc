/**
 * The writes of each key, session by session, and which of them a step knows: the newest of every session are
 * enough, because whatever an older one has before it, the newer one has too.
 */
import type { CausalOrder } from './causal-order.ts'
import type { ReadStep, Step, WriteStep } from './step.ts'

export interface KeyWrites {
  /** All but the rejected, in the order of the steps. */
  readonly all: readonly WriteStep[]
  /** By session the acknowledged ones, in its order. */
  readonly bySession: ReadonlyMap<number, readonly WriteStep[]>
  /** The same, as they are counted in the causal order. */
  readonly counted: readonly CountedWrites[]
  /** Those of unknown outcome. */
  readonly unknown: readonly WriteStep[]
  readonly deletes: readonly WriteStep[]
}

/** The writes of a session to a key. */
interface CountedWrites {
  readonly session: number
  readonly writes: readonly WriteStep[]
  /** Which of the acknowledged writes of the session each is, from 1. */
  readonly positions: Int32Array
}

export function keyWritesOf(steps: readonly Step[]): Map<string, KeyWrites> {
  const writes = steps.filter((step) => step.type === 'write')
  const positions = positionsOf(writes)
  return new Map(
    [...Map.groupBy(writes, ({ key }) => key)].map(([key, all]) => [key, split(all, positions)]),
  )
}

/** The newest write of the key that each session has before the step; those of unknown outcome, each. */
export function newestKnown(
  order: CausalOrder,
  { counted, unknown }: KeyWrites,
  step: Step,
): WriteStep[] {
  const newest: WriteStep[] = []
  for (const { session, writes, positions } of counted) {
    const count = order.countBefore(order.columnOf(session) as number, step)
    // By hand, and not by countWhere: every read does this for every session.
    let low = 0
    let high = count < (positions[0] as number) ? 0 : writes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((positions[middle] as number) <= count) low = middle + 1
      else high = middle
    }
    if (low > 0) newest.push(writes[low - 1] as WriteStep)
  }
  for (const write of unknown) if (order.isBefore(write, step)) newest.push(write)
  return newest
}

/**
 * Whether everything that the read returned is older than the write: before it in the causal order, or nothing
 * though nothing but the write, or what it may have seen, could have made it so.
 */
export function isOlder(
  order: CausalOrder,
  writes: KeyWrites,
  read: ReadStep,
  write: WriteStep,
): boolean {
  const { sources, strange } = read
  if (strange.length > 0) return false
  if (sources.length > 0) return sources.every((source) => order.isBefore(source, write))
  if (write.isDelete) return false
  return !someDelete(writes, read, (other) => !order.isBefore(other, write))
}

/** Whether it holds for a delete that a read of nothing may be a read of: any that was called by then. */
export function someDelete(
  { deletes }: KeyWrites,
  read: ReadStep,
  holds: (each: WriteStep) => boolean,
): boolean {
  // The newest first: of these it is most likely that nothing is known to have come after.
  for (let i = countWhere(deletes, ({ place }) => place < read.place) - 1; i >= 0; i--) {
    if (holds(deletes[i] as WriteStep)) return true
  }
  return false
}

/** How many it holds for, of a list where it holds up to some place. */
export function countWhere<T>(list: readonly T[], holds: (each: T) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(list[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}

function split(all: readonly WriteStep[], positions: ReadonlyMap<WriteStep, number>): KeyWrites {
  const bySession = Map.groupBy(
    all.filter(({ operation }) => operation.outcome === 'ok'),
    ({ operation }) => operation.session,
  )
  return {
    all,
    bySession,
    counted: [...bySession].map(([session, writes]) => ({
      session,
      writes,
      positions: Int32Array.from(writes, (write) => positions.get(write) as number),
    })),
    unknown: all.filter(({ operation }) => operation.outcome !== 'ok'),
    deletes: all.filter(({ isDelete }) => isDelete),
  }
}

function positionsOf(writes: readonly WriteStep[]): Map<WriteStep, number> {
  const counts = new Map<number, number>()
  const positions = new Map<WriteStep, number>()
  for (const write of writes) {
    const { session, outcome } = write.operation
    if (outcome !== 'ok') continue
    const count = (counts.get(session) ?? 0) + 1
    counts.set(session, count)
    positions.set(write, count)
  }
  return positions
}
