/** Writes the parts of ASN.1 (DER) that certificates consist of. */

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

export function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, ...parts)
}

/** `tag` with the parts as its content. */
export function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content])
}

/** Such as 2.5.4.3. */
export function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return tagged(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

export function octets(content: Buffer): Buffer {
  return tagged(0x04, content)
}

/** The last `unused` bits do not count. */
export function bits(content: Buffer, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), content)
}

/** The first bit must be 0: the number is positive. */
export function integer(content: Buffer): Buffer {
  return tagged(0x02, content)
}

export function text(content: string): Buffer {
  return tagged(0x0c, Buffer.from(content))
}

export const TRUE = tagged(0x01, Buffer.from([0xff]))

/** Until the year 2049. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return tagged(0x17, Buffer.from(digits.slice(2)))
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

function base128(value: number): readonly number[] {
  const digits = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80)
  return digits
}
