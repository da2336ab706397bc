/**
 * Converts the times of a history to nanoseconds since its start. Times of other recorders may count from 1970. Such
 * times are too large to be exact as numbers, so they are counted from the earliest one.
 */
import type { Json } from './history.ts'

/** The form in which `exactInteger` leaves a number that is too large. */
const LARGE = /^-?\d+N$/

/** If some time is too large, the records with times since the start; otherwise the records themselves. */
export function fromStart<T extends { readonly time?: Json | undefined }>(
  records: readonly T[],
): readonly T[] {
  if (!records.some(({ time }) => isLarge(time))) return records
  const times = records.map(({ time }) => exactTime(time))
  const known = times.filter((time) => time !== undefined)
  const first = known.reduce((least, time) => (time < least ? time : least))
  return records.map((record, i) => {
    const time = times[i]
    return time === undefined ? record : { ...record, time: Number(time - first) }
  })
}

function isLarge(time: Json | undefined): time is string {
  return typeof time === 'string' && LARGE.test(time)
}

function exactTime(time: Json | undefined): bigint | undefined {
  if (isLarge(time)) return BigInt(time.slice(0, -1))
  return typeof time === 'number' && Number.isSafeInteger(time) ? BigInt(time) : undefined
}
