/** The entries of a simulated disk in the order of their keys. */
import { compareKeys } from '../../core/placement/key-order.ts'

const utf8 = new TextEncoder()

/** All keys in order, and their values. */
export interface Frozen {
  readonly keys: readonly string[]
  readonly values: ReadonlyMap<string, Uint8Array>
}

export function rangeIn(
  { keys, values }: Frozen,
  from: string,
  to: string,
  limit: number,
): [string, Uint8Array][] {
  const found: [string, Uint8Array][] = []
  for (let i = lowerBound(keys, from); i < keys.length && found.length < limit; i++) {
    const key = keys[i] as string
    if (compareKeys(key, to) >= 0) break
    found.push([key, values.get(key) as Uint8Array])
  }
  return found
}

/** The entries up to the one at which they reach that many bytes. */
export function upTo(entries: [string, Uint8Array][], bytesMax: number): [string, Uint8Array][] {
  let bytes = 0
  const last = entries.findIndex(([key, value]) => {
    bytes += utf8.encode(key).length + value.length
    return bytes >= bytesMax
  })
  return last < 0 ? entries : entries.slice(0, last + 1)
}

/** The place of the first key that is not below `wanted`. */
export function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(keys[middle] as string, wanted) < 0) low = middle + 1
    else high = middle
  }
  return low
}
