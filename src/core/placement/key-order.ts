/**
 * The order of keys: by their UTF-8 bytes, as the disk has it. It is not the order of JavaScript's `<`, which
 * compares UTF-16 units and puts characters beyond U+FFFF (surrogate pairs) below U+E000…U+FFFF.
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

/** UTF-16 units in the order of the code points they begin: surrogates above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
