/** Checks single fields of a message. Each function throws if the field is not what it must be. */
import { type Ballot, parseBallot } from '../../../core/consensus/ballot.ts'

export function textIn(field: unknown): string {
  if (typeof field !== 'string') throw new Error('a field is not a text')
  return field
}

export function bytesIn(field: unknown): Uint8Array {
  if (!(field instanceof Uint8Array)) throw new Error('a field is not a byte string')
  return field
}

/** A whole number from 0. */
export function countIn(field: unknown): number {
  if (!Number.isSafeInteger(field) || (field as number) < 0) {
    throw new Error('a field is not a whole number')
  }
  return field as number
}

export function ballotIn(field: unknown): Ballot {
  const ballot = parseBallot(field)
  if (ballot === undefined) throw new Error('a field is not a ballot')
  return ballot
}

/** A whole number of either sign. */
export function wholeIn(field: unknown): number {
  if (!Number.isSafeInteger(field)) throw new Error('a field is not a whole number')
  return field as number
}

export function listIn(field: unknown): readonly unknown[] {
  if (!Array.isArray(field)) throw new Error('a field is not a list')
  return field
}

export function textsIn(field: unknown): readonly string[] {
  for (const item of listIn(field)) textIn(item)
  return field as readonly string[]
}

export function countsIn(field: unknown): readonly number[] {
  for (const item of listIn(field)) countIn(item)
  return field as readonly number[]
}

export function numberIn(field: unknown): number {
  if (typeof field !== 'number') throw new Error('a field is not a number')
  return field
}
