/**
 * Sets aside a database whose files are damaged. Skipping the unreadable parts would not be safe, because older
 * versions of keys would reappear. So the whole database is moved aside for a person to inspect, and the node starts
 * empty and copies its keys from the other owners.
 */
import { existsSync } from 'node:fs'
import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A file in the database directory. It says that damage was found while the database was in use. */
const MARK = 'DAMAGED'
/** A file in the same directory. It says that synced writes were missing when the database was opened. */
const LOSSY_MARK = 'LOSSY'
const ASIDE = '.damaged-'

export function isDamage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'LEVEL_CORRUPTION') return true
  }
  return false
}

/** Makes the next opening treat the database as damaged, because the same damage may not show up again. */
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

/** Moves the database to a name beside its own and returns it. Removes earlier ones, because each takes disk space. */
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
