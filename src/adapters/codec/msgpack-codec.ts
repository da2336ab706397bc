/**
 * The codec in MessagePack: compact, fast, and readable by other tools. Only the plain data of the port is
 * let through: maps and extensions are refused at decoding, so that no peer can make this node build others.
 */
import { Packr, Unpackr } from 'msgpackr'

import type { Codec, Encodable } from '../../ports/codec.ts'

const packer = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'number' })
const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' })

export const msgpackCodec: Codec = {
  encode: (data) => packer.pack(data),
  decode: (bytes) => {
    try {
      return unpacker.unpack(bytes) as Encodable
    } catch {
      // The library's own message quotes the data, and a client's value must not end in a log.
      throw new Error('not one whole MessagePack value')
    }
  },
}
