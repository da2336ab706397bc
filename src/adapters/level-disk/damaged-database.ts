/**
 * What becomes of a database whose files LevelDB finds damaged. Leaving out what cannot be read is no way out:
 * older versions would come to light again. So the whole of it is moved aside, for a person to look at, and
 * the node begins with nothing and is filled from the other owners.
 */
import { existsSync } from 'node:fs'
import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** In the directory of a database: damage was found while it was in use. */
const MARK = 'DAMAGED'
/** In the same place: the log lacked something in its middle when the database was opened. */
const LOSSY_MARK = 'LOSSY'
const ASIDE = '.damaged-'

export function isDamage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'LEVEL_CORRUPTION') return true
  }
  return false
}

/** Sees to it that the next opening takes the database for damaged: what was found may not show then. */
export async function markDamaged(directory: string, reason: string): Promise<void> {
  await writeFile(join(directory, MARK), `Damage was found in this database: ${reason}\n`)
}

export async function unmarkDamaged(directory: string): Promise<void> {
  await rm(join(directory, MARK), { force: true })
}

export function isMarkedDamaged(directory: string): boolean {
  return existsSync(join(directory, MARK))
}

export async function markLossy(directory: string): Promise<void> {
  await writeFile(join(directory, LOSSY_MARK), 'Writes are missing in the middle of the log.\n', {
    flush: true,
  })
}

export function isMarkedLossy(directory: string): boolean {
  return existsSync(join(directory, LOSSY_MARK))
}

export async function unmarkLossy(directory: string): Promise<void> {
  await rm(join(directory, LOSSY_MARK), { force: true })
}

/** Moves the database to a name beside its own, which is returned. Only the newest is kept: it takes room. */
export async function setAside(directory: string): Promise<string> {
  const parent = dirname(directory)
  const prefix = `${basename(directory)}${ASIDE}`
  const older = (await readdir(parent)).filter((name) => name.startsWith(prefix))
  await Promise.all(older.map((name) => rm(join(parent, name), { recursive: true })))
  const time = new Date().toISOString().replace(/[^0-9]/g, '')
  const aside = join(parent, `${prefix}${time}`)
  await rename(directory, aside)
  return aside
}
