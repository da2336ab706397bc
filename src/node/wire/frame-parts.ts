/**
 * Splits the messages to one peer into frames. A frame has at most FRAME_ITEMS_MAX items, and ends once it has reached
 * FRAME_BYTES_TARGET. So only its last item can make it larger than that.
 */
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

/** An estimate of an item's size in bytes: its byte strings, plus a fixed number for the rest. */
function sizeOf(item: Encodable): number {
  let bytes = 64
  if (Array.isArray(item)) {
    for (const part of item) if (part instanceof Uint8Array) bytes += part.length
  }
  return bytes
}
