/**
 * Exact whole numbers. JavaScript numbers above 2 ** 53 may be equal although the written digits differ, and the
 * checker must never take different values for the same.
 */

/** The number. If it is too large to be exact, the text of its digits and an N, as EDN writes it. */
export function exactInteger(written: string): number | string {
  const value = Number(written)
  return Number.isSafeInteger(value) ? value : `${BigInt(written.replace(/^\+/, ''))}N`
}
