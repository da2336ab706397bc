/**
 * The codec in MessagePack: compact, fast, and readable by other tools. Only the plain data of the port is
 * let through (plain-msgpack.ts), so that no peer can make this node build anything else.
 */
import { Packr, Unpackr } from 'msgpackr'

import type { Codec, Encodable } from '../../ports/codec.ts'
import { isPlainMsgpack } from './plain-msgpack.ts'

/**
 * Results are slices of a slab that the packer goes through once and never comes back to; whoever keeps a
 * result keeps its slab. The packer lets slabs grow to four times the largest message and stay so, by which a
 * kept record of 100 bytes would hold 16 MiB after one frame of 4 MiB: so a slab that has grown is let go.
 */
const SLAB_BYTES = 16 * 1024
const SLAB_BYTES_MAX = 128 * 1024

const packer = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'number' })
const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' })

export const msgpackCodec: Codec = {
  encode: (data) => {
    const encoded = packer.pack(data)
    if (encoded.buffer.byteLength > SLAB_BYTES_MAX) {
      packer.useBuffer(Buffer.allocUnsafeSlow(SLAB_BYTES))
    }
    return encoded
  },
  decode: (bytes) => {
    // No word of the data in the message: a client's value must not end in a log.
    if (!isPlainMsgpack(bytes)) throw new Error('not one whole MessagePack value of plain data')
    return unpacker.unpack(bytes) as Encodable
  },
}
