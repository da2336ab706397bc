/** The clock reading of a frame between nodes, for the invariant that no clock goes back. */

const MSGPACK_FLOAT64 = 0xcb

/** A frame is a MessagePack array whose first element is a 64-bit number. Only this number is read. */
export function stampOf(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const isFloat = view.getUint8(1) === MSGPACK_FLOAT64
  return isFloat ? view.getFloat64(2) : Number(view.getBigUint64(2))
}
