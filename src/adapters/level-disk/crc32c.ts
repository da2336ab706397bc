/**
 * CRC-32C, the checksum of LevelDB's logs and tables. It takes eight bytes at a time, because a start checks every
 * table.
 */
import { word } from '../../core/hash/little-endian.ts'

/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78
const MASK_DELTA = 0xa282ead8
const SLICES = 8
/** `TABLES[n][byte]` is the checksum of that byte followed by n zeros. */
const TABLES = makeTables()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

/** The masked form that LevelDB stores. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  let i = 0
  for (const last = bytes.length - SLICES; i <= last; i += SLICES) {
    const low = crc ^ word(bytes, i)
    const high = word(bytes, i + 4)
    crc =
      at(T7, low) ^
      at(T6, low >>> 8) ^
      at(T5, low >>> 16) ^
      at(T4, low >>> 24) ^
      at(T3, high) ^
      at(T2, high >>> 8) ^
      at(T1, high >>> 16) ^
      at(T0, high >>> 24)
  }
  for (; i < bytes.length; i++) crc = at(T0, crc ^ (bytes[i] as number)) ^ (crc >>> 8)
  return ~crc >>> 0
}

function at(table: Uint32Array, byte: number): number {
  return table[byte & 0xff] as number
}

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL
    return crc
  })
  const tables = [first]
  for (let n = 1; n < SLICES; n++) {
    const before = tables[n - 1] as Uint32Array
    tables.push(before.map((crc) => at(first, crc) ^ (crc >>> 8)))
  }
  return tables
}
