/** How what is bound for one peer is cut into frames: none of too many items, or longer than one item makes it. */
import type { Encodable } from '../../ports/codec.ts'
import { FRAME_BYTES_TARGET, FRAME_ITEMS_MAX } from './messages.ts'

export function frameParts(items: readonly Encodable[]): (readonly Encodable[])[] {
  const parts: (readonly Encodable[])[] = []
  let start = 0
  while (start < items.length) {
    let end = start
    let bytes = 0
    while (end < items.length && end - start < FRAME_ITEMS_MAX && bytes < FRAME_BYTES_TARGET) {
      bytes += sizeOf(items[end] as Encodable)
      end++
    }
    parts.push(start === 0 && end === items.length ? items : items.slice(start, end))
    start = end
  }
  return parts
}

/** About how many bytes an item takes: its byte strings, and a little for the rest. */
function sizeOf(item: Encodable): number {
  let bytes = 64
  if (Array.isArray(item)) {
    for (const part of item) if (part instanceof Uint8Array) bytes += part.length
  }
  return bytes
}
