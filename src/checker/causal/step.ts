/**
 * The steps of a history of reads and writes that say something of cause and effect, and what each read was a
 * read of. A written value is unique to its key (*differentiated*), so a value names its write.
 *
 * Steps stand in an order that respects cause and effect: a write where it was called, a read where it was
 * answered. Its session calls nothing else in between, and no value is read before its write was called, unless
 * it is read from the future; such a read is set aside as strange.
 */
import { identityOf } from '../history/final-reads.ts'
import { HistoryError, type Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'

export interface WriteStep {
  readonly type: 'write'
  /** Its place among the steps. */
  readonly place: number
  readonly key: string
  /** It leaves nothing to be read, and so no read can name it. */
  readonly isDelete: boolean
  readonly operation: Operation
}

export interface ReadStep {
  readonly type: 'read'
  readonly place: number
  readonly key: string
  /** The writes whose values it returned, without those that it cannot have read. */
  readonly sources: readonly WriteStep[]
  readonly strange: readonly StrangeValue[]
  readonly operation: Operation
}

/** A value that a read cannot have returned: nobody wrote it, its write failed, or was called only later. */
export interface StrangeValue {
  readonly id: string
  readonly why: 'invented' | 'rejected' | 'future'
  readonly writer: Operation | undefined
}

export type Step = WriteStep | ReadStep

/**
 * Failed writes did not happen, and reads without an answer tell nothing: neither is a step.
 * Errors: HistoryError where the history has other operations, or values that do not name their writes.
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

/** Nothing where the key was absent; a list holds values that the store keeps side by side. */
export function valuesRead({ output }: Operation): readonly Json[] {
  if (output === null) return []
  return isList(output) ? output : [output]
}

/** It returned that there is nothing, and nothing else. */
export function isOfNothing({ sources, strange }: ReadStep): boolean {
  return sources.length === 0 && strange.length === 0
}

/** The key of a history that has one object only is ''. */
export function keyOf(operation: Operation): string {
  return operation.key ?? ''
}

function isTelling({ f, outcome, isUntold, firstIndex }: Operation): boolean {
  if (f === 'read') return outcome === 'ok' && !isUntold
  if (f === 'write' || f === 'delete') return outcome !== 'fail'
  throw new HistoryError(
    0,
    `event ${firstIndex}: this model has no "${f}"; it has read, write and delete`,
  )
}

function momentOf({ f, firstIndex, lastIndex }: Operation): number {
  return f === 'read' ? lastIndex : firstIndex
}

/** What a session does at the same time has no order; a write of unknown outcome is waited for by nobody. */
function refuseOverlaps(telling: readonly Operation[]): void {
  const last = new Map<number, Operation>()
  for (const operation of telling) {
    if (operation.outcome !== 'ok') continue
    const before = last.get(operation.session)
    if (before !== undefined && before.lastIndex > operation.firstIndex) {
      throw new HistoryError(
        0,
        `event ${operation.firstIndex}: session ${operation.session} has its event ${before.firstIndex} open`,
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
        `event ${firstIndex}: a written value must be neither null, which is read where there is nothing, nor a list, which is read where there are several`,
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
        `event ${firstIndex}: value ${id} was written before, by event ${before.firstIndex}; each must be unique to its key (the history is not differentiated)`,
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
