/**
 * The causal order of steps. It follows from the order of each session and from the writes that each read returned
 * (Ahamad et al. 1995). Each step has a vector clock, which counts the writes of each session before the step.
 *
 * A write of unknown outcome comes after its session's past, but later steps of the session do not come after the
 * write: the client was never told, and the write may apply at any time. Only reads of the write come after it. So it
 * is not part of the count of its session. If somebody read it, it has a bit of its own.
 */
import type { Step, WriteStep } from './step.ts'

export interface CausalOrder {
  readonly steps: readonly Step[]
  /** Whether the write is among the causes of the step. A step is not its own cause. */
  readonly isBefore: (write: WriteStep, step: Step) => boolean
  /**
   * How many acknowledged writes of a session (numbered by `columnOf`) come before the step, or are the step itself.
   */
  readonly countBefore: (column: number, step: Step) => number
  /** The number of a session that has acknowledged writes. */
  readonly columnOf: (session: number) => number | undefined
}

/** Undefined if the clocks would need more memory than `memoryBytes`. */
export function causalOrderOf(
  steps: readonly Step[],
  memoryBytes: number,
): CausalOrder | undefined {
  const columns = new Map<number, number>()
  for (const { type, operation } of steps) {
    const { session, outcome } = operation
    if (type === 'write' && outcome === 'ok' && !columns.has(session)) {
      columns.set(session, columns.size)
    }
  }
  const bits = bitsOf(steps)
  const counts = columns.size
  const width = counts + Math.ceil(bits.size / 32)
  if (steps.length * width * Int32Array.BYTES_PER_ELEMENT > memoryBytes) return undefined
  const clocks = new Int32Array(steps.length * width)
  const positions = fillClocks(steps, { clocks, width, counts, columns, bits })
  return {
    steps,
    isBefore: (write, { place }) => {
      if (write.place === place) return false
      const position = positions[write.place] as number
      if (position > 0) {
        const column = columns.get(write.operation.session) as number
        return (clocks[place * width + column] as number) >= position
      }
      const bit = bits.get(write)
      if (bit === undefined) return false
      return (((clocks[place * width + counts + (bit >>> 5)] as number) >>> (bit & 31)) & 1) === 1
    },
    countBefore: (column, { place }) => clocks[place * width + column] as number,
    columnOf: (session) => columns.get(session),
  }
}

/** A bit for each write of unknown outcome that somebody read. Unread ones come before no step. */
function bitsOf(steps: readonly Step[]): Map<WriteStep, number> {
  const bits = new Map<WriteStep, number>()
  for (const step of steps) {
    if (step.type !== 'read') continue
    for (const write of step.sources) {
      if (write.operation.outcome !== 'ok' && !bits.has(write)) bits.set(write, bits.size)
    }
  }
  return bits
}

interface Clocks {
  /** A row for each step: counts of writes by column, then the bits. */
  readonly clocks: Int32Array
  readonly width: number
  readonly counts: number
  readonly columns: ReadonlyMap<number, number>
  readonly bits: ReadonlyMap<WriteStep, number>
}

/** Returns the position of each write in its session; 0 for reads and for writes of unknown outcome. */
function fillClocks(steps: readonly Step[], of: Clocks): Int32Array {
  const { clocks, width, counts, columns, bits } = of
  const positions = new Int32Array(steps.length)
  const lastPlaces = new Map<number, number>()
  for (const step of steps) {
    const { place, operation } = step
    const own = place * width
    const before = lastPlaces.get(operation.session)
    if (before !== undefined) clocks.copyWithin(own, before * width, (before + 1) * width)
    if (operation.outcome === 'ok') lastPlaces.set(operation.session, place)
    if (step.type === 'read') {
      for (const source of step.sources) join(of, own, source.place * width)
      continue
    }
    const bit = bits.get(step)
    if (bit !== undefined) {
      const at = own + counts + (bit >>> 5)
      clocks[at] = (clocks[at] as number) | (1 << (bit & 31))
    }
    if (operation.outcome !== 'ok') continue
    const column = own + (columns.get(operation.session) as number)
    const position = (clocks[column] as number) + 1
    clocks[column] = position
    positions[place] = position
  }
  return positions
}

function join({ clocks, width, counts }: Clocks, into: number, from: number): void {
  for (let i = 0; i < counts; i++) {
    const known = clocks[from + i] as number
    if (known > (clocks[into + i] as number)) clocks[into + i] = known
  }
  for (let i = counts; i < width; i++) {
    clocks[into + i] = (clocks[into + i] as number) | (clocks[from + i] as number)
  }
}
