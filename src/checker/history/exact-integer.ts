/**
 * Whole numbers as a history has them. JavaScript's own cannot tell some of more than 2 ** 53 from each other, and
 * a read of another value than was written must not pass for the same.
 */

/** The number; one that is too large to be exact is the text of its digits and an N, as EDN writes it. */
export function exactInteger(written: string): number | string {
  const value = Number(written)
  return Number.isSafeInteger(value) ? value : `${BigInt(written.replace(/^\+/, ''))}N`
}
