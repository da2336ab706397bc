/**
 * The writes of each key by session, and the writes that a step knows. The newest known write of every session is
 * enough, because everything before an older one is also before the newer one.
 */
import type { CausalOrder } from './causal-order.ts'
import type { ReadStep, Step, WriteStep } from './step.ts'

export interface KeyWrites {
  /** All writes but the rejected ones, in the order of the steps. */
  readonly all: readonly WriteStep[]
  /** For each session its acknowledged writes, in its order. */
  readonly bySession: ReadonlyMap<number, readonly WriteStep[]>
  /** The same writes with their positions in the causal order. */
  readonly counted: readonly CountedWrites[]
  /** The writes of unknown outcome. */
  readonly unknown: readonly WriteStep[]
  readonly deletes: readonly WriteStep[]
}

/** The writes of a session to a key. */
interface CountedWrites {
  readonly session: number
  readonly writes: readonly WriteStep[]
  /** The position of each among the acknowledged writes of its session, from 1. */
  readonly positions: Int32Array
}

export function keyWritesOf(steps: readonly Step[]): Map<string, KeyWrites> {
  const writes = steps.filter((step) => step.type === 'write')
  const positions = positionsOf(writes)
  return new Map(
    [...Map.groupBy(writes, ({ key }) => key)].map(([key, all]) => [key, split(all, positions)]),
  )
}

/** For each session its newest write of the key before the step, and every write of unknown outcome before the step. */
export function newestKnown(
  order: CausalOrder,
  { counted, unknown }: KeyWrites,
  step: Step,
): WriteStep[] {
  const newest: WriteStep[] = []
  for (const { session, writes, positions } of counted) {
    const count = order.countBefore(order.columnOf(session) as number, step)
    // This repeats countWhere inline for speed, because every read does it for every session.
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
 * Whether everything that the read returned is older than the write. A value is older if it comes before the write in
 * the causal order. An empty result is older if no delete can explain it that does not come before the write.
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

/** Whether `holds` is true for some delete that may explain an empty read: any delete that began before the read. */
export function someDelete(
  { deletes }: KeyWrites,
  read: ReadStep,
  holds: (each: WriteStep) => boolean,
): boolean {
  // Try the newest first, because it most likely matches.
  for (let i = countWhere(deletes, ({ place }) => place < read.place) - 1; i >= 0; i--) {
    if (holds(deletes[i] as WriteStep)) return true
  }
  return false
}

/** The length of the prefix of the list for which `holds` is true. It must be false for the rest. */
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
