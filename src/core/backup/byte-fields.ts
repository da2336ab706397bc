/**
 * The fields of a binary record, one after the other. A whole number has seven bits in each byte, the lowest first, and
 * the eighth bit says that another byte follows. Bytes and texts follow their length.
 */
import { assert } from '../assert.ts'

/** The most bytes that a safe integer takes. */
const NUMBER_BYTES_MAX = 8

const encoder = new TextEncoder()
// A key may begin with a byte order mark, so keep it.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class FieldWriter {
  readonly #parts: Uint8Array[] = []

  /** The fields so far, in pieces. Values are not copied. */
  get parts(): readonly Uint8Array[] {
    return this.#parts
  }

  number(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, () => `${value} is a whole number`)
    const bytes: number[] = []
    let rest = value
    // Divide, because bit operations keep only 32 bits.
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
    this.#parts.push(Uint8Array.from(bytes))
  }

  bytes(value: Uint8Array): void {
    this.number(value.length)
    this.#parts.push(value)
  }

  text(value: string): void {
    this.bytes(encoder.encode(value))
  }
}

/** Every method throws a `RangeError` or a `TypeError` if the bytes do not hold such a field. */
export class FieldReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  number(): number {
    let value = 0
    let unit = 1
    for (let i = 0; i < NUMBER_BYTES_MAX; i++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('a number ends too early')
      value += (byte % 128) * unit
      if (byte < 128) {
        if (Number.isSafeInteger(value)) return value
        break
      }
      unit *= 128
    }
    throw new RangeError('a number is too large')
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.number()
    const from = this.#at
    if (length > this.#bytes.length - from) throw new RangeError('bytes end too early')
    this.#at += length
    return this.#bytes.subarray(from, this.#at)
  }

  text(): string {
    return decoder.decode(this.bytes())
  }
}
