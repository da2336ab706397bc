/** Reads the messages of a frame between nodes (node/wire/messages.ts): once, although several look at each frame. */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { parseFrame } from '../../node/wire/messages.ts'

/** An ask has the deadline as the first field of its body. An answer has `ok` or the code of a refusal as its word. */
export type Item = readonly [id: number, word: string, ...body: unknown[]]

const known = new WeakMap<Uint8Array, readonly Item[]>()

export function itemsOf(frame: Uint8Array): readonly Item[] {
  let items = known.get(frame)
  if (items === undefined) {
    items = parseFrame(msgpackCodec.decode(frame)).items as unknown as readonly Item[]
    known.set(frame, items)
  }
  return items
}
