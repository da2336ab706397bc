/**
 * The codec port in MessagePack: compact, fast, and readable by other tools. It accepts only the plain data of the port
 * (plain-msgpack.ts), so that no peer can make this node build other objects.
 */
import { Packr, Unpackr } from 'msgpackr'

import type { Codec, Encodable } from '../../ports/codec.ts'
import { isPlainMsgpack } from './plain-msgpack.ts'

/**
 * The packer cuts results from a slab and never reuses its bytes. A kept result keeps its whole slab in memory. The
 * packer makes slabs four times as large as the largest message and never shrinks them: after one frame of 4 MiB a kept
 * record of 100 bytes would hold 16 MiB. So this codec replaces a slab that has grown.
 */
const SLAB_BYTES = 16 * 1024
const SLAB_BYTES_MAX = 128 * 1024

const packer = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'number' })
const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' })

export const msgpackCodec: Codec = {
  encode: (data) => {
    const encoded = packer.pack(data)
    if (encoded.buffer.byteLength > SLAB_BYTES_MAX) {
      packer.useBuffer(newSlab())
    }
    return encoded
  },
  decode: (bytes) => {
    // The message repeats nothing of the data, because a client's value must not get into a log.
    if (!isPlainMsgpack(bytes)) throw new Error('not one whole MessagePack value of plain data')
    return unpacker.unpack(bytes) as Encodable
  },
}

/** In a browser, where the simulator runs too, there is no `Buffer`. */
function newSlab(): Buffer | Uint8Array {
  if (typeof Buffer === 'undefined') return new Uint8Array(SLAB_BYTES)
  return Buffer.allocUnsafeSlow(SLAB_BYTES)
}
