/**
 * The final reads of a history: the reads invoked after every change has ended. They show what is left in the end, and
 * only they decide whether a write is lost.
 *
 * A key is read through each node. Repeated reads through one node count once, as the last success.
 */
import { HistoryError, type Json } from './history.ts'
import type { Operation } from './operation.ts'

export interface FinalRead {
  readonly node: string | undefined
  /** Undefined if no attempt succeeded. */
  readonly values: readonly Json[] | undefined
  /** The time of the success, or of the last attempt, in nanoseconds. */
  readonly at: number
  /** The error of the last attempt, if none succeeded. */
  readonly error: string | undefined
}

/**
 * The final reads by key; '' is the key of a history without keys. Keys without a final read are absent. `read` returns
 * the values of a read.
 */
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

/** The list that a read returned; empty for an absent key. */
export function valuesOf(read: Operation): readonly Json[] {
  if (read.output === null) return []
  if (isList(read.output)) return read.output
  throw new HistoryError(
    0,
    `event ${read.lastIndex}: a read's value must be a list, or null for an absent key`,
  )
}

/** Values are compared by their JSON, so 5 and "5" differ. */
export function identityOf(value: Json): string {
  return JSON.stringify(value)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
