/**
 * The order of keys: by their UTF-8 bytes, as on disk. JavaScript's `<` differs: it compares UTF-16 units, and puts
 * characters beyond U+FFFF (surrogate pairs) below U+E000…U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Ranks UTF-16 units in the order of their code points: surrogates above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
