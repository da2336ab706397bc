/**
 * The final reads of a history: those invoked after everything that changes anything has ended. They say what
 * is left in the end, and are all that the loss of a write is judged by.
 *
 * A key is read through each node; a read that failed and was repeated counts once, as its last success.
 */
import { HistoryError, type Json } from './history.ts'
import type { Operation } from './operation.ts'

export interface FinalRead {
  readonly node: string | undefined
  /** undefined where no attempt succeeded. */
  readonly values: readonly Json[] | undefined
  /** Of the success, or of the last attempt; nanoseconds. */
  readonly at: number
  /** Of the last attempt, where none succeeded. */
  readonly error: string | undefined
}

/** `read` says what a read returned. By key; '' is the key of a history without keys. A key that was not read at the end is not there. */
export function finalReads(
  operations: readonly Operation[],
  read: (operation: Operation) => readonly Json[] = valuesOf,
): Map<string, FinalRead[]> {
  let lastChange = -1
  for (const operation of operations) {
    if (operation.f !== 'read') lastChange = Math.max(lastChange, operation.lastIndex)
  }
  const byKey = new Map<string, Map<string, FinalRead>>()
  for (const operation of operations) {
    if (operation.f !== 'read' || operation.firstIndex < lastChange) continue
    const key = operation.key ?? ''
    const byNode = byKey.get(key) ?? new Map<string, FinalRead>()
    byKey.set(key, byNode)
    const found = finalReadOf(operation, read)
    const node = operation.node ?? ''
    if (found.values !== undefined || byNode.get(node)?.values === undefined) {
      byNode.set(node, found)
    }
  }
  return new Map([...byKey].map(([key, byNode]) => [key, [...byNode.values()]]))
}

function finalReadOf(
  operation: Operation,
  read: (operation: Operation) => readonly Json[],
): FinalRead {
  const { node, outcome, completedAt, invokedAt, error } = operation
  return {
    node,
    values: outcome === 'ok' ? read(operation) : undefined,
    at: Number.isFinite(completedAt) ? completedAt : invokedAt,
    error,
  }
}

/** What a read returned, as a list; an absent key is the empty list. */
export function valuesOf(read: Operation): readonly Json[] {
  if (read.output === null) return []
  if (isList(read.output)) return read.output
  throw new HistoryError(
    0,
    `event ${read.lastIndex}: a read's value must be a list, or null for an absent key`,
  )
}

/** Values are compared as what they are written as: 5 and "5" differ. */
export function identityOf(value: Json): string {
  return JSON.stringify(value)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
