/** Which of several media types a client prefers, by its Accept header (RFC 9110, section 12.5.1). */

/**
 * One of `types`: the one with the greatest weight in the header; among equals the first. The first, too, if the header
 * allows none, because an answer of another type is more use than none.
 */
export function preferredType<T extends string>(
  header: string | undefined,
  types: readonly [T, ...T[]],
): T {
  if (header === undefined) return types[0]
  const ranges = header.split(',').map(rangeOf)
  let best = types[0]
  let bestWeight = 0
  for (const type of types) {
    const weight = weightOf(type, ranges)
    if (weight > bestWeight) [best, bestWeight] = [type, weight]
  }
  return best
}

interface MediaRange {
  readonly range: string
  readonly weight: number
}

function rangeOf(text: string): MediaRange {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))
  return { range, weight: weight === undefined ? 1 : Number(weight.slice('q='.length)) || 0 }
}

/** The weight of the most specific range that the type is in. */
function weightOf(type: string, ranges: readonly MediaRange[]): number {
  const [main = ''] = type.split('/')
  for (const wanted of [type, `${main}/*`, '*/*']) {
    const found = ranges.find(({ range }) => range === wanted)
    if (found !== undefined) return found.weight
  }
  return 0
}
