/**
 * Turns plain data into bytes and back, for the wire and for the disk.
 *
 * Data is null, booleans, finite numbers (safe integers exactly), strings, Uint8Array, and arrays of these;
 * nothing else. Encoding is deterministic: equal data gives equal bytes on every node.
 */
export interface Codec {
  /** The result is owned by the caller: the codec never writes to it again. */
  encode(data: Encodable): Uint8Array
  /**
   * Throws on bytes that are not a whole encoding. Byte strings in the result may be views into `bytes`. Copy a byte
   * string before you keep it for long, because the view keeps all of `bytes` alive.
   */
  decode(bytes: Uint8Array): Encodable
}

export type Encodable = null | boolean | number | string | Uint8Array | readonly Encodable[]
