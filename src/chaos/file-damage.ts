/**
 * Damages a random file of a node that does not run: a bit is flipped, or the end is cut off. Every file of its
 * database may be hit, because a disk does not choose either. Half of the damage falls on a file, the other half on
 * a byte: the many small files would otherwise shield the tables and logs, and those would shield the small files.
 */
import { open, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'

/** Below the data directory of a node. */
export const DATABASE_DIRECTORY = 'db'

export type FileDamage = 'bitflip' | 'truncate'

/** A whole number from 0 to below `bound`. */
export type Chance = (bound: number) => number

interface SizedFile {
  readonly name: string
  readonly bytes: number
}

/** Says what was done. Rejects where the directory has no file that is not empty. */
export async function damageFile(
  directory: string,
  kind: FileDamage,
  chance: Chance,
): Promise<string> {
  const files: SizedFile[] = []
  for (const name of (await readdir(directory)).sort()) {
    const { size } = await stat(join(directory, name))
    if (size > 0) files.push({ name, bytes: size })
  }
  const file = chance(2) === 0 ? files[chance(files.length)] : fileOfAnyByte(files, chance)
  if (file === undefined) throw new Error(`${directory} has no file to damage`)
  const path = join(directory, file.name)
  const at = chance(file.bytes)
  if (kind === 'truncate') {
    await truncate(path, at)
    return `cut ${file.name} from ${file.bytes} to ${at} bytes`
  }
  const handle = await open(path, 'r+')
  try {
    const byte = new Uint8Array(1)
    await handle.read(byte, 0, 1, at)
    const bit = chance(8)
    byte[0] = (byte[0] as number) ^ (1 << bit)
    await handle.write(byte, 0, 1, at)
    return `flipped bit ${bit} of byte ${at} of ${file.bytes} in ${file.name}`
  } finally {
    await handle.close()
  }
}

/** Each byte of all files is equally likely; undefined where there is none. */
function fileOfAnyByte(files: readonly SizedFile[], chance: Chance): SizedFile | undefined {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total === 0) return undefined
  let at = chance(total)
  return files.find(({ bytes }) => (at -= bytes) < 0)
}
