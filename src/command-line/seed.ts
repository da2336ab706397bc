/** A seed determines every random choice of a run. It is also part of file names and of commands. */
import { randomBytes } from 'node:crypto'

export const SEED_PATTERN = /^[A-Za-z0-9._-]{1,64}$/
export const SEED_EXPECTED = '1 to 64 letters, digits, dots, dashes or underscores'

/** A number, so that further seeds can be counted from it. */
export function newSeed(): string {
  return String(randomBytes(4).readUInt32LE())
}
