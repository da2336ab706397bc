/**
 * The steps of a history of reads and writes that matter for cause and effect, and the writes that each read returned.
 * Each written value is unique to its key (the history is *differentiated*), so a value identifies its write.
 *
 * The order of the steps respects cause and effect: a write is placed at its invocation, a read at its answer. Its
 * session invokes nothing in between. No value is read before its write was invoked, except a value from the future,
 * which is set aside as strange.
 */
import { identityOf } from '../history/final-reads.ts'
import { HistoryError, type Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'

export interface WriteStep {
  readonly type: 'write'
  /** Its index among the steps. */
  readonly place: number
  readonly key: string
  /** A delete leaves no value, so no read identifies it. */
  readonly isDelete: boolean
  readonly operation: Operation
}

export interface ReadStep {
  readonly type: 'read'
  readonly place: number
  readonly key: string
  /** The writes whose values it returned, without the strange ones. */
  readonly sources: readonly WriteStep[]
  readonly strange: readonly StrangeValue[]
  readonly operation: Operation
}

/** A value that no read may return: nobody wrote it, its write failed, or its write was invoked only later. */
export interface StrangeValue {
  readonly id: string
  readonly why: 'invented' | 'rejected' | 'future'
  readonly writer: Operation | undefined
}

export type Step = WriteStep | ReadStep

/**
 * Leaves out failed writes, which did not happen, and reads without an answer, which show nothing. Throws HistoryError
 * if the history has other operations, or values that are not unique.
 */
export function stepsOf(operations: readonly Operation[]): Step[] {
  const telling = operations
    .filter((operation) => isTelling(operation))
    .map((operation) => ({ operation, moment: momentOf(operation) }))
    .sort((a, b) => a.moment - b.moment)
    .map(({ operation }) => operation)
  refuseOverlaps(telling)
  const writers = writersOf(operations)
  const writes = new Map<Operation, WriteStep>()
  for (const [place, operation] of telling.entries()) {
    if (operation.f === 'read') continue
    const isDelete = operation.f === 'delete'
    writes.set(operation, { type: 'write', place, key: keyOf(operation), isDelete, operation })
  }
  return telling.map(
    (operation, place) => writes.get(operation) ?? readOf(operation, place, writers, writes),
  )
}

/** Empty if the key was absent. A list holds siblings. */
export function valuesRead({ output }: Operation): readonly Json[] {
  if (output === null) return []
  return isList(output) ? output : [output]
}

/** Whether the read returned that the key is absent. */
export function isOfNothing({ sources, strange }: ReadStep): boolean {
  return sources.length === 0 && strange.length === 0
}

/** The key is '' in a history with a single object. */
export function keyOf(operation: Operation): string {
  return operation.key ?? ''
}

function isTelling({ f, outcome, isUntold, firstIndex }: Operation): boolean {
  if (f === 'read') return outcome === 'ok' && !isUntold
  if (f === 'write' || f === 'delete') return outcome !== 'fail'
  throw new HistoryError(
    0,
    `event ${firstIndex}: this model does not know the operation "${f}", only read, write and delete`,
  )
}

function momentOf({ f, firstIndex, lastIndex }: Operation): number {
  return f === 'read' ? lastIndex : firstIndex
}

/** Refuses sessions with overlapping operations, because these have no order. Writes of unknown outcome may overlap. */
function refuseOverlaps(telling: readonly Operation[]): void {
  const last = new Map<number, Operation>()
  for (const operation of telling) {
    if (operation.outcome !== 'ok') continue
    const before = last.get(operation.session)
    if (before !== undefined && before.lastIndex > operation.firstIndex) {
      throw new HistoryError(
        0,
        `event ${operation.firstIndex}: session ${operation.session} begins an operation while its operation of event ${before.firstIndex} is still open`,
      )
    }
    last.set(operation.session, operation)
  }
}

type Writers = ReadonlyMap<string, ReadonlyMap<string, Operation>>

function writersOf(operations: readonly Operation[]): Writers {
  const byKey = new Map<string, Map<string, Operation>>()
  for (const operation of operations) {
    if (operation.f !== 'write') continue
    const { input, firstIndex } = operation
    if (input === null || isList(input)) {
      throw new HistoryError(
        0,
        `event ${firstIndex}: a written value must be neither null (a read of an absent key returns null) nor a list (a read of siblings returns a list)`,
      )
    }
    const key = keyOf(operation)
    const own = byKey.get(key) ?? new Map<string, Operation>()
    byKey.set(key, own)
    const id = identityOf(input)
    const before = own.get(id)
    if (before !== undefined) {
      throw new HistoryError(
        0,
        `event ${firstIndex}: event ${before.firstIndex} has already written the value ${id} to this key; each written value must be unique to its key (a differentiated history)`,
      )
    }
    own.set(id, operation)
  }
  return byKey
}

function readOf(
  operation: Operation,
  place: number,
  writers: Writers,
  writes: ReadonlyMap<Operation, WriteStep>,
): ReadStep {
  const key = keyOf(operation)
  const own = writers.get(key)
  const sources: WriteStep[] = []
  const strange: StrangeValue[] = []
  for (const id of new Set(valuesRead(operation).map(identityOf))) {
    const writer = own?.get(id)
    const write = writer === undefined ? undefined : writes.get(writer)
    if (writer === undefined) strange.push({ id, why: 'invented', writer })
    else if (write === undefined) strange.push({ id, why: 'rejected', writer })
    else if (write.place > place) strange.push({ id, why: 'future', writer })
    else sources.push(write)
  }
  return { type: 'read', place, key, sources, strange, operation }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
