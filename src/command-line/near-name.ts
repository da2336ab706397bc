/** Guesses what a user meant by a name that does not exist. */

/** A third of the letters may differ. More would guess at random. */
const LETTERS_PER_SLIP = 3

/** ` (did you mean NAME?)`, or nothing if no name is near. */
export function hintAt(text: string, names: readonly string[], prefix = ''): string {
  const near = nearName(text, names)
  return near === undefined ? '' : ` (did you mean ${prefix}${near}?)`
}

/** The name that takes the fewest slips to become the text; undefined if none is near. */
export function nearName(text: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(text.length / LETTERS_PER_SLIP)) + 1
  for (const name of names) {
    const slips = slipsBetween(text.toLowerCase(), name.toLowerCase())
    if (slips >= fewest) continue
    best = name
    fewest = slips
  }
  return best
}

/** The edit distance in which two swapped neighbours are one slip. */
function slipsBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (isSame ? 0 : 1),
        isSwap ? at(beforeLast, j - 2) + 1 : Infinity,
      )
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], j: number): number {
  return row[j] ?? Infinity
}
