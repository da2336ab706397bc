/** Little-endian integers, as the hashes of this project read bytes. */

/** The four bytes at `i` as a signed 32-bit integer. The bytes must be there. */
export function word(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  )
}
