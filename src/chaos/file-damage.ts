/**
 * Damages a random file of a node that does not run: it flips a bit, or cuts off the end. Any file of the database may
 * be hit, because a real disk does not choose either. Half of the time every file is equally likely, and half of the
 * time every byte is. So neither the many small files nor the large tables and logs take all the damage.
 */
import { open, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'

/** The directory of the database, below the data directory of a node. */
export const DATABASE_DIRECTORY = 'db'

export type FileDamage = 'bitflip' | 'truncate'

/** Draws a whole number from 0 to `bound` - 1. */
export type Chance = (bound: number) => number

interface SizedFile {
  readonly name: string
  readonly bytes: number
}

/** Resolves with a description of the damage. Rejects if all files of the directory are empty. */
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

/** Chooses the file of a random byte, so that large files are more likely; undefined if there are no bytes. */
function fileOfAnyByte(files: readonly SizedFile[], chance: Chance): SizedFile | undefined {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total === 0) return undefined
  let at = chance(total)
  return files.find(({ bytes }) => (at -= bytes) < 0)
}
