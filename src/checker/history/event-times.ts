/**
 * Times of a history as nanoseconds since its start. Those of other recorders may count from 1970: then they are too
 * large to be exact as numbers, and are counted from the earliest one.
 */
import type { Json } from './history.ts'

/** As `exactInteger` leaves a number that is too large. */
const LARGE = /^-?\d+N$/

/** The same records with times from the start, where a time is too large; else the records themselves. */
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
